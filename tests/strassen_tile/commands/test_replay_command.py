"""stl-catalog replay: what a search found comes out again, from what the catalog keeps of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import save_file

import cli
from catalog import Catalog, Provenance
from catalog.encoder_file import pack
from search.problem import Problem
from search.running.exploration import run_trial
from search.running.task import Discovery
from search.stop import Stop
from search.trial import Trial
from stl_algebra import Format, TileEncoder, strassen
from strassen_tile.recorder import Recorder


def _search(catalog: Path, *arguments: str) -> dict[str, object]:
    place = ("--jobs", "1", "--no-shipped", "--catalog", str(catalog), "--json")
    result = CliRunner().invoke(cli.search_command, [*arguments, *place])
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def _run(catalog: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.catalog_command, [*arguments, "--no-shipped", "--catalog", str(catalog)])


def _replayable(catalog: Path) -> list[str]:
    entries = Catalog(catalog, shipped=False).entries()
    return [entry.id for entry in entries if entry.provenance.strategy != "construction"]


def test_what_a_search_kept_comes_out_again(tmp_path: Path) -> None:
    """A second search goes on from what the first one kept."""
    for seed in ("0", "1"):
        _search(tmp_path, "--tile", "2", "--rank", "5-6", "--trials", "24", "--seed", seed)
    ids = _replayable(tmp_path)
    assert ids
    for id in ids:
        alone, from_roots = (_run(tmp_path, "replay", id, "--json", *more) for more in ((), ("--from-roots",)))
        for result in (alone, from_roots):
            assert result.exit_code == 0, result.output
            verdict = json.loads(result.stdout)
            assert (verdict["id"], verdict["identical"], verdict["difference"]) == (id, True, 0.0)
            assert (verdict["promised"], verdict["elsewhere"], verdict["kept"]) == ("identical", [], True)
            assert result.stderr == ""  # no bar but on a terminal
        assert json.loads(alone.stdout)["trials"] == 1
    shown = _run(tmp_path, "replay", ids[0]).stdout
    assert f"{ids[0][:10]} (2x2x2 rank " in shown
    assert "the same encoder, bit by bit." in shown
    told = _run(tmp_path, "show", ids[0]).stdout
    again = f"stl-catalog replay {ids[0][:10]} --catalog {tmp_path}"
    assert f"It can be made again: {again}\nPromised: the same encoder, bit by bit" in told


def test_a_line_of_descent_is_replayed_from_its_roots(tmp_path: Path) -> None:
    """The last of some hops, each from the one before: kept alone, it brings the others with it."""
    problem = Problem(Format(2, 2, 2), 6)
    line = [next(run_trial(Trial("als", problem, "random", seed=1), Stop()))]
    for seed in range(2, 5):
        line.append(next(run_trial(Trial("als", problem, "hop", (line[-1].encoder,), seed=seed), Stop())))
    last = line[-1]
    catalog = Catalog(tmp_path, shipped=False)
    found = Discovery(last.encoder, "als", 0, 1.0, last.parents, last.details, last.recipe, tuple(line[:-1]))
    entry = Recorder(catalog, problem).keep(found)
    assert [one.id for one in catalog.entries()] == [entry.id]
    result = _run(tmp_path, "replay", entry.id, "--from-roots")
    assert result.exit_code == 0
    promised, *steps, total = result.stdout.splitlines()
    assert promised.startswith("Promised: the same encoder, bit by bit")
    assert [step.split()[0] for step in steps] == [one.encoder.digest[:10] for one in line]
    assert all("the same encoder, bit by bit" in step for step in steps)
    assert total == f"Trials replayed: {len(steps)}; encoders taken as they are: 0."
    alone = _run(tmp_path, "replay", entry.id).stdout.splitlines()
    assert alone == [promised, steps[-1], "Trials replayed: 1; encoders taken as they are: 1."]


def test_another_encoder_is_told_apart(tmp_path: Path) -> None:
    """A recipe with another seed: the trial makes something else than what was recorded."""
    _search(tmp_path, "--tile", "2", "--rank", "5", "--trials", "6", "--strategy", "lm")
    catalog = Catalog(tmp_path, shipped=False)
    entry = catalog.get(_replayable(tmp_path)[0])
    recipe = entry.provenance.recipe
    assert recipe is not None
    forged = replace(entry.provenance, recipe={**recipe, "seed": recipe["seed"] + 1})
    entry.path.write_bytes(pack(entry.encoder, forged))
    result = _run(tmp_path, "replay", entry.id)
    assert result.exit_code == 1
    words = ("another encoder", "an encoder as good, with other matrices")
    assert any(f"{what}: error in bf16" in result.stdout for what in words) or "makes no encoder" in result.stderr
    entry.path.write_bytes(pack(entry.encoder, replace(entry.provenance, recipe={"seed": 1})))
    result = _run(tmp_path, "replay", entry.id)
    assert result.exit_code == 1
    assert "the recipe's strategy is None" in result.stderr


def test_a_weighted_search_is_replayed_under_its_moments(tmp_path: Path) -> None:
    file, other = (str(tmp_path / name) for name in ("m.safetensors", "o.safetensors"))
    save_file({"second_x": np.diag([0.01, 0.01, 4.0, 1.0]), "second_w": np.eye(4)}, file)
    save_file({"second_x": np.eye(4), "second_w": np.eye(4)}, other)
    catalog = tmp_path / "catalog"
    found = _search(catalog, "--tile", "2", "--rank", "5", "--trials", "6", "--weights", file, "--strategy", "lm")
    id = str(found["id"])
    assert _run(catalog, "replay", id, "--weights", file).exit_code == 0
    for arguments in ((), ("--weights", other)):
        result = _run(catalog, "replay", id, *arguments)
        assert result.exit_code == 1
        assert "it was found under the moments" in result.stderr
        assert "give their file, and no other, with --weights" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("strategy", "sentence"),
    [
        ("construction", "was constructed, not searched for: there is no trial to replay"),
        ("import", "was imported, and with it came no recipe to replay"),
        ("orbit", "was found before recipes were recorded, so it cannot be replayed"),
    ],
)
def test_where_there_is_nothing_to_replay_one_sentence_says_so(tmp_path: Path, strategy: str, sentence: str) -> None:
    entry = Catalog(tmp_path, shipped=False).add(strassen(), Provenance(strategy, lineage=("ab" * 32,)))
    for arguments in ((), ("--from-roots",), ("--json",)):
        result = _run(tmp_path, "replay", entry.id, *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert sentence in " ".join(result.stderr.split())
    assert sentence in _run(tmp_path, "show", entry.id).stdout
    assert json.loads(_run(tmp_path, "show", entry.id, "--json").stdout)["replayable"] is False


def test_what_was_made_elsewhere_is_promised_to_err_alike(tmp_path: Path) -> None:
    """By another BLAS, or on a machine that was not recorded: said beforehand, and kept where the error agrees."""
    problem = Problem(Format(2, 2, 2), 6)
    made = next(run_trial(Trial("als", problem, "random", seed=1), Stop()))
    assert made.recipe is not None
    catalog = Catalog(tmp_path, shipped=False)
    recipe = made.recipe.as_json()
    other = recipe | {"environment": {**recipe["environment"], "blas": "openblas 0.3.1 Prescott ×1"}}
    old = {key: value for key, value in recipe.items() if key not in ("environment", "ended_after")} | {"ended": None}
    near = TileEncoder(made.encoder.format, made.encoder.encode_x * 2, made.encoder.encode_w / 2, made.encoder.decode)
    far = TileEncoder(made.encoder.format, made.encoder.encode_x * 1.1, made.encoder.encode_w, made.encoder.decode)
    cases = (
        (near, other, "BLAS openblas 0.3.1 Prescott ×1, here ", 0),
        (far, old, "the machine was not recorded", 1),
        (made.encoder, other, "BLAS openblas 0.3.1 Prescott ×1, here ", 0),
    )
    for encoder, stored, where, exit_code in cases:
        id = catalog.add(encoder, Provenance("als", recipe=stored)).id
        promise = f"Promised: the error agrees to 5 digits, the matrices need not be the same (made elsewhere: {where}"
        assert promise in _run(tmp_path, "show", id).stdout
        result = _run(tmp_path, "replay", id)
        assert result.exit_code == exit_code
        assert result.stdout.startswith(promise)
        verdict = json.loads(_run(tmp_path, "replay", id, "--json").stdout)
        assert (verdict["promised"], verdict["kept"]) == ("alike", exit_code == 0)
    forged = recipe | {"environment": {"blas": 3}}
    id = catalog.add(far, Provenance("als", recipe=recipe)).id
    assert _run(tmp_path, "replay", id).exit_code == 1  # identity was promised
    catalog.remove(id)
    id = catalog.add(strassen(), Provenance("als", recipe=forged)).id
    assert "Promised: nothing: the recipe's environment is" in _run(tmp_path, "show", id).stdout
    assert _run(tmp_path, "replay", id).exit_code == 1
