"""The command line: what it prints, how it ends, what it says of bad input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
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
from stl_algebra import Format, residual, strassen

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
        "--tile", "2", "--rank", "6", "--budget", "3s", "--jobs", "1", "--seed", "4", "--no-shipped", "--catalog",
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


def test_search_speaks_to_a_person(tmp_path: Path) -> None:
    code, out, _ = _search("--tile", "2", "--rank", "8", "--budget", "1s", "--no-shipped", "--catalog", str(tmp_path))
    assert code == 0
    assert "Searching ⟨2,2,2⟩ at rank 8 of 8" in out
    assert "exact over Z" in out
    assert "stl-catalog show" in out


def test_a_sweep_prints_a_row_a_rank(tmp_path: Path) -> None:
    code, out, err = _search(
        "--tile", "2", "--rank", "5-7", "--budget", "4s", "--jobs", "1", "--no-shipped", "--catalog", str(tmp_path),
        "--json",
    )  # fmt: skip
    assert code == 0, err
    assert [found["rank"] for found in json.loads(out)["encoders"]] == [7, 6, 5]


def test_ranks_without_an_encoder_are_named(tmp_path: Path) -> None:
    arguments = ("--tile", "3", "--rank", "22-23", "--strategy", "flip", "--budget", "5s", "--jobs", "1")
    code, out, err = _search(*arguments, "--no-shipped", "--catalog", str(tmp_path / "a"), "--json")
    assert code == 0, err
    assert json.loads(out)["ranks_without"] == {"none was found": [22]}
    code, out, _ = _search(*arguments, "--no-shipped", "--catalog", str(tmp_path / "b"))
    assert code == 0
    assert "Ranks without an encoder, none was found: 22." in out


def test_other_families_are_kept_beside_the_best(tmp_path: Path) -> None:
    code, out, err = _search(
        "--tile", "3", "--rank", "12", "--strategy", "lm", "--budget", "8s", "--jobs", "1", "--no-shipped",
        "--catalog", str(tmp_path), "--json",
    )  # fmt: skip
    assert code == 0, err
    best = json.loads(out)
    kept = Catalog(tmp_path, shipped=False).entries()
    assert best["id"] in {entry.id for entry in kept}
    assert all(entry.encoder.rank == 12 for entry in kept)
    assert len(kept) <= 3


def test_a_search_starts_from_what_the_catalog_has(tmp_path: Path) -> None:
    arguments = ("--tile", "2", "--rank", "6", "--jobs", "1", "--no-shipped", "--catalog", str(tmp_path), "--json")
    first = json.loads(_search(*arguments, "--budget", "3s")[1])
    second = json.loads(_search(*arguments, "--budget", "1s")[1])
    assert second["error_at_precision"] <= first["error_at_precision"]


def test_flips_are_given_exact_schemes_of_smaller_formats_to_grow(tmp_path: Path) -> None:
    """For every shape the catalog's lowest exact rank without even denominators, whatever the error."""
    catalog, tile = Catalog(tmp_path), Format(3, 4, 5)
    parts = cli._parts(catalog, tile, "bf16")
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
        (("--tile", "4x", "--rank", "4"), 2, "tile '4x' is no format"),
        (("--tile", "2x3", "--rank", "4"), 2, "tile '2x3' is no format"),
        (("--tile", "4", "--rank", "40", "--precision", "int3"), 2, "unknown precision 'int3'"),
        (("--tile", "4", "--rank", "40", "--budget", "0"), 2, "'0' is no positive duration"),
        (("--tile", "4", "--rank", "40", "--budget", "soon"), 2, "'soon' is no positive duration"),
        (("--tile", "4", "--rank", "40", "--jobs", "0"), 2, "0 is not in the range"),
        (("--tile", "4", "--rank", "40", "--strategy", "magic"), 2, "'magic' is not one of"),
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
    with subprocess.Popen(
        [*command, "--catalog", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        _wait_for_a_worker(process.stderr)
        process.send_signal(sent)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found = json.loads(out)
    assert found["interrupted"] is True
    assert Catalog(tmp_path, shipped=False).get(found["id"]).encoder.rank == 6


@pytest.mark.parametrize("command", [cli.search_command, cli.catalog_command, cli.bench_command])
def test_help_needs_no_heavy_module(command: object) -> None:
    name = next(n for n, value in vars(cli).items() if value is command)
    code = (
        f"import sys, cli\ntry:\n    cli.{name}(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numba', 'torch', 'scipy', 'sympy', 'networkx'} & set(sys.modules)\nassert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Usage" in result.stdout


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
def test_workers_do_not_outlive_a_killed_search(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import cli; cli.search_command()", "--tile", "2", "--rank", "6", "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--budget", "10m", "--no-shipped", "--catalog", str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        _wait_for_a_worker(process.stdout)
        children = [
            int(pid)
            for task in Path(f"/proc/{process.pid}/task").iterdir()
            for pid in (task / "children").read_text().split()
        ]
        assert children
        process.kill()
    waited = 0
    while any(_is_running(pid) for pid in children) and waited < 300:
        time.sleep(0.1)
        waited += 1
    assert not any(_is_running(pid) for pid in children)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_search_resumes_from_what_a_killed_one_kept(tmp_path: Path) -> None:
    """SIGKILL of the whole search, nothing flushed: what was catalogued by then is where the next one starts."""
    command = [sys.executable, "-c", "import cli; cli.search_command()", "--tile", "3", "--rank", "15", "--jobs", "1"]
    with subprocess.Popen(
        [*command, "--budget", "10m", "--no-shipped", "--catalog", str(tmp_path)], stdout=subprocess.DEVNULL
    ) as process:
        catalog, waited = Catalog(tmp_path, shipped=False), 0
        while not (kept := [e for e in catalog.entries(3, 15) if e.provenance.strategy != "construction"]):
            time.sleep(0.2)
            waited += 1
            assert waited < 600
        process.kill()
    best = min(entry.error_at("bf16") for entry in kept)
    arguments = ("--tile", "3", "--rank", "15", "--jobs", "1", "--budget", "1s", "--no-shipped", "--json")
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
    code, out, err = _search(*arguments, "--budget", "4s", "--weights", _moments(tmp_path / "m.safetensors"))
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
