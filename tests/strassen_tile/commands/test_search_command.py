"""The command line: what it prints, how it ends, what it says of bad input."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import cli
from catalog import Catalog, Provenance
from catalog.moments_file import read_moments
from search.running.run import OTHERS
from stl_algebra import Format, residual, strassen
from strassen_tile import searching
from strassen_tile.starts import _parts

KEYS = {
    "id", "format", "rank", "relative_error", "growth", "precision", "error_at_precision", "exact", "ring",
    "strategy", "seed", "seconds", "path",
}  # fmt: skip


def _search(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(cli.search_command, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_search_prints_one_json_object_and_keeps_the_encoder(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    code, out, err = _search(
        "--tile", "2", "--rank", "6", "--trials", "12", "--jobs", "1", "--seed", "4", "--no-shipped", "--catalog",
        str(catalog), "--json",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    assert found.keys() >= KEYS
    assert (found["format"], found["rank"], found["precision"], found["exact"]) == ("2x2x2", 6, "bf16", False)
    assert found["error_at_precision"] < 0.2501  # leaving two products out costs a quarter
    # The figures can be recomputed from the file with numpy alone.
    factors = load_file(found["path"])
    u, v, w = factors["encode_x"], factors["encode_w"], factors["decode"].T
    assert u.dtype == np.float64
    error = np.sum(residual(Format(2, 2, 2), u, v, w) ** 2) / 8
    assert error == pytest.approx(found["relative_error"], abs=1e-12)
    assert Catalog(catalog, shipped=False).best(tile=2, rank=6).digest == found["id"]


@pytest.mark.parametrize("options", [["--catalog", "my finds"], []])
def test_search_speaks_to_a_person(options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = _search("--tile", "2", "--rank", "8", "--no-shipped", *options)
    assert code == 0
    assert "Searching ⟨2,2,2⟩ at rank 8 of 8" in out
    assert "exact over Z" in out
    (line,) = (line for line in out.splitlines() if line.startswith("See it with: "))
    _, _, command = line.partition(": ")
    program, *arguments = shlex.split(command)  # typed as printed
    assert program == "stl-catalog"
    shown = CliRunner().invoke(cli.catalog_command, arguments)
    assert shown.exit_code == 0
    assert "2x2x2, rank " in shown.stdout


def test_a_sweep_prints_a_row_a_rank(tmp_path: Path) -> None:
    code, out, err = _search(
        "--tile", "2", "--rank", "5-7", "--trials", "24", "--jobs", "1", "--no-shipped", "--catalog", str(tmp_path),
        "--json",
    )  # fmt: skip
    assert code == 0, err
    assert [found["rank"] for found in json.loads(out)["encoders"]] == [7, 6, 5]


def test_ranks_without_an_encoder_are_named(tmp_path: Path) -> None:
    arguments = ("--tile", "3", "--rank", "22-23", "--strategy", "flip", "--trials", "8", "--jobs", "1")
    code, out, err = _search(*arguments, "--no-shipped", "--catalog", str(tmp_path / "a"), "--json")
    assert code == 0, err
    assert json.loads(out)["ranks_without"] == {"none was found": [22]}
    code, out, _ = _search(*arguments, "--no-shipped", "--catalog", str(tmp_path / "b"))
    assert code == 0
    assert "Ranks without an encoder, none was found: 22." in out


def test_other_families_are_kept_beside_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else, though every improvement was written as it came."""
    monkeypatch.setattr(searching, "KEEP_EVERY", 0.0)
    code, out, err = _search(
        "--tile", "3", "--rank", "12", "--strategy", "lm", "--trials", "12", "--jobs", "1", "--no-shipped",
        "--catalog", str(tmp_path), "--json",
    )  # fmt: skip
    assert code == 0, err
    best = json.loads(out)
    kept = Catalog(tmp_path, shipped=False).entries()
    assert best["id"] in {entry.id for entry in kept}
    assert all(entry.encoder.rank == 12 for entry in kept)
    assert len(kept) <= 1 + OTHERS


def test_a_search_of_trials_finds_the_same_again(tmp_path: Path) -> None:
    """On one job: in two catalogs the same encoders, by the same trials."""
    arguments = ("--tile", "2", "--rank", "5-6", "--trials", "20", "--jobs", "1", "--seed", "7", "--no-shipped")
    kept = []
    for name in ("a", "b"):
        code, _, err = _search(*arguments, "--catalog", str(tmp_path / name), "--json")
        assert code == 0, err
        entries = Catalog(tmp_path / name, shipped=False).entries()
        kept.append({(entry.id, json.dumps(entry.provenance.recipe)) for entry in entries})
    assert kept[0] == kept[1]


def test_a_search_that_finds_nothing_says_what_it_spent(tmp_path: Path) -> None:
    arguments = ("--tile", "3", "--rank", "22", "--strategy", "flip", "--jobs", "1", "--no-shipped")
    code, _, err = _search(*arguments, "--trials", "1", "--catalog", str(tmp_path))
    assert code == 1
    assert "flip found no encoder in 1 trial that beats leaving products out; give it more trials" in " ".join(
        err.split()
    )


def test_a_search_starts_from_what_the_catalog_has(tmp_path: Path) -> None:
    arguments = ("--tile", "2", "--rank", "6", "--jobs", "1", "--no-shipped", "--catalog", str(tmp_path), "--json")
    first = json.loads(_search(*arguments, "--trials", "12")[1])
    second = json.loads(_search(*arguments, "--trials", "2")[1])
    assert second["error_at_precision"] <= first["error_at_precision"]


def test_flips_are_given_exact_schemes_of_smaller_formats_to_grow(tmp_path: Path) -> None:
    """For every shape the catalog's lowest exact rank without even denominators, whatever the error."""
    catalog, tile = Catalog(tmp_path), Format(3, 4, 5)
    parts = [entry.encoder for entry in _parts(catalog, tile, "bf16")]
    odd = [
        entry
        for entry in catalog.entries(real=True, exact=True)
        if all(a <= b for a, b in zip(sorted(entry.format), tile, strict=True)) and sorted(entry.format) != list(tile)
        if all(denominator % 2 for denominator in entry.encoder.denominators)
    ]
    assert odd
    for entry in odd:
        same = [part for part in parts if part.exact and sorted(part.format) == sorted(entry.format)]
        assert any(p.rank <= entry.rank and all(d % 2 for d in p.denominators) for p in same)
    assert len({part.digest for part in parts}) == len(parts)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--tile", "4", "--rank", "0"), 2, "rank 0 does not fit the format 4x4x4; give a rank between 1 and 64"),
        (("--tile", "4", "--rank", "-3"), 2, "rank -3 does not fit"),
        (("--tile", "4", "--rank", "65"), 2, "rank 65 does not fit"),
        (("--tile", "4", "--rank", "49-40"), 2, "the range 49-40 is backwards"),
        (("--tile", "4", "--rank", "forty"), 2, "'forty' is no rank"),
        (("--tile", "0", "--rank", "4"), 2, "tile dimension n = 0 is not a positive integer"),
        (("--tile", "4x", "--rank", "4"), 2, "tile '4x' is not a format"),
        (("--tile", "2x3", "--rank", "4"), 2, "tile '2x3' is not a format"),
        (("--tile", "4", "--rank", "40", "--precision", "int3"), 2, "unknown precision 'int3'"),
        (("--tile", "4", "--rank", "40", "--budget", "0"), 2, "'0' is no positive duration"),
        (("--tile", "4", "--rank", "40", "--budget", "soon"), 2, "'soon' is no positive duration"),
        (("--tile", "4", "--rank", "40", "--trials", "0"), 2, "0 is not in the range"),
        (("--tile", "4", "--rank", "40", "--jobs", "0"), 2, "0 is not in the range"),
        (("--tile", "4", "--rank", "40", "--strategy", "magic"), 2, "unknown strategy 'magic'"),
        (("--tile", "2", "--rank", "6", "--strategy", "compose"), 1, "compose does not apply to 2x2x2"),
    ],
)
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], code: int, sentence: str, tmp_path: Path) -> None:
    found, out, err = _search(*arguments, "--catalog", str(tmp_path / "catalog"))
    assert found == code
    assert sentence in " ".join(err.split())
    assert not out
    assert len([line for line in err.splitlines() if line.startswith("Error")]) == 1
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_catalog_that_cannot_be_written_is_named_before_the_search(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, _, err = _search("--tile", "2", "--rank", "6", "--catalog", str(tmp_path / "file" / "catalog"))
    assert code == 1
    assert "cannot be written" in err


@pytest.mark.skipif(os.name != "posix", reason="sends signals to a process")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_keeps_the_best(sent: signal.Signals, tmp_path: Path) -> None:
    # Tests that run in the background of a shell inherit that interrupts are ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import cli; cli.search_command()"
    command = [sys.executable, "-c", code]
    command += ["--tile", "2", "--rank", "6", "--budget", "10m", "--jobs", "1", "--no-shipped", "--json"]
    with _started([*command, "--catalog", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        _wait_for_a_worker(process.stderr)
        process.send_signal(sent)
        out, _ = process.communicate()
    assert process.returncode == 128 + sent
    found = json.loads(out)
    assert found["interrupted"] is True
    assert Catalog(tmp_path, shipped=False).get(found["id"]).encoder.rank == 6


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
def test_workers_do_not_outlive_a_killed_search(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import cli; cli.search_command()", "--tile", "2", "--rank", "6", "--jobs", "1"]
    command += ["--budget", "10m", "--no-shipped", "--catalog", str(tmp_path)]
    with _started(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        _wait_for_a_worker(process.stdout)
        children = [
            int(pid)
            for task in Path(f"/proc/{process.pid}/task").iterdir()
            for pid in (task / "children").read_text().split()
        ]
        assert children
    while any(_is_running(pid) for pid in children):  # if they go on, so does this, until pytest-timeout names it
        time.sleep(0.1)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_search_resumes_from_what_a_killed_one_kept(tmp_path: Path) -> None:
    """SIGKILL of the whole search, nothing flushed: what was catalogued by then is where the next one starts."""
    command = [sys.executable, "-c", "import cli; cli.search_command()", "--tile", "3", "--rank", "15", "--jobs", "1"]
    command += ["--strategy", "als", "--budget", "10m", "--no-shipped", "--catalog", str(tmp_path)]
    with _started(command, stdout=subprocess.DEVNULL):
        catalog = Catalog(tmp_path, shipped=False)
        while not (kept := [e for e in catalog.entries(3, 15) if e.provenance.strategy != "construction"]):
            time.sleep(0.2)
    best = min(entry.error_at("bf16") for entry in kept)
    arguments = ("--tile", "3", "--rank", "15", "--jobs", "1", "--trials", "1", "--no-shipped", "--json")
    code, out, err = _search(*arguments, "--catalog", str(tmp_path))
    assert code == 0, err
    assert json.loads(out)["error_at_precision"] <= best


def test_a_catalog_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = Catalog(tmp_path, shipped=False).add(strassen(), Provenance("construction")).path
    with safe_open(path, "numpy") as file:
        tensors, metadata = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    save_file(tensors, path, metadata={"stl": json.dumps(json.loads(metadata["stl"]) | {"schema": 99})})
    before = path.read_bytes()
    code, out, err = _search("--tile", "2", "--rank", "7", "--budget", "1s", "--no-shipped", "--catalog", str(tmp_path))
    assert (code, out) == (1, "")
    assert "holds files that a newer strassen-tile wrote" in err
    assert "update strassen-tile, or name another directory with --catalog" in " ".join(err.split())
    assert path.read_bytes() == before


@contextmanager
def _started(command: list[str], **streams: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed in the end, if it still runs."""
    with subprocess.Popen(command, text=True, **streams) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_for_a_worker(lines: IO[str]) -> None:
    """Read up to the first improvement that a worker found."""
    next(line for line in lines if " s  error" in line and "construction" not in line)


def _is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _moments(path: Path, **tensors: np.ndarray) -> str:
    """A file of moments for tiles 2x2x2: X varies little in its first row, unless told otherwise."""
    save_file({"second_x": np.diag([0.01, 0.01, 4.0, 1.0]), "second_w": np.eye(4)} | tensors, path)
    return str(path)


def test_a_weighted_search_reports_and_records_both_errors(tmp_path: Path) -> None:
    arguments = [
        "--tile",
        "2",
        "--rank",
        "5",
        "--jobs",
        "1",
        "--no-shipped",
        "--catalog",
        str(tmp_path / "c"),
        "--json",
    ]
    code, out, err = _search(*arguments, "--trials", "12", "--weights", _moments(tmp_path / "m.safetensors"))
    assert code == 0, err
    found = json.loads(out)
    moments = read_moments(tmp_path / "m.safetensors", Format(2, 2, 2))
    weighted, encoder = found["weighted"], Catalog(tmp_path / "c", shipped=False).get(found["id"]).encoder
    assert weighted["moments"] == moments.digest
    assert weighted["error_at_precision"] == pytest.approx(moments.error_at(encoder, "bf16"))
    assert found["relative_error"] == pytest.approx(encoder.relative_error)
    assert abs(weighted["relative_error"] - found["relative_error"]) > 1e-3
    assert found["details"]["weighted"] == weighted


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"second_x": np.eye(16)}, "second_x has shape (16, 16); tiles of format 2x2x2 need (4, 4)"),
        ({"second_w": np.diag([1.0, 1.0, 1.0, -1.0])}, "second_w is not positive semidefinite"),
        ({"second_x": np.full((4, 4), np.nan)}, "second_x has an entry that is not finite"),
    ],
)
def test_moments_that_do_not_serve_are_one_sentence(
    tensors: dict[str, np.ndarray], sentence: str, tmp_path: Path
) -> None:
    weights = _moments(tmp_path / "m.safetensors", **tensors)
    code, out, err = _search("--tile", "2", "--rank", "5", "--catalog", str(tmp_path / "c"), "--weights", weights)
    assert (code, out) == (1, "")
    assert sentence in " ".join(err.split())
    assert "m.safetensors cannot be used" in err
    assert len(err.splitlines()) == 1
