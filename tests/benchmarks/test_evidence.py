"""One command for all evidence: it runs what is missing, and a part that fails does not cost the others."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import evidence


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """What is run, instead of running it; training fails."""
    made: list[list[str]] = []

    def run(command: list[Any], **_: Any) -> subprocess.CompletedProcess[str]:
        made.append([Path(part).name for part in command[1:]])
        return subprocess.CompletedProcess(command, returncode=int("train_vit.py" in made[-1]))

    monkeypatch.setattr(subprocess, "run", run)
    for script in evidence.HERE.glob("*.py"):
        (tmp_path / script.name).touch()
    monkeypatch.setattr(evidence, "HERE", tmp_path)
    monkeypatch.setattr(evidence, "SECONDS", tmp_path / "results" / "evidence.json")
    return made


def test_every_part_is_run_by_a_script_that_there_is() -> None:
    for commands in evidence.PARTS.values():
        for script, *options in map(str.split, commands):
            outcome = subprocess.run(
                [evidence.sys.executable, evidence.HERE / script, "--help"], capture_output=True, text=True, check=True
            )
            assert all(option in outcome.stdout for option in options if option.startswith("--"))


def test_a_part_that_fails_is_named_and_the_others_are_done(calls: list[list[str]]) -> None:
    outcome = CliRunner().invoke(evidence.main, [])
    assert outcome.exit_code == 1
    assert "train_vit.py --rank 24, train_vit.py --start algebraic --seeds 3, train_vit.py" in outcome.output
    assert [call[0] for call in calls[:-1]] == [
        *("layer.py", "wall_clock.py", "train_vit.py", "train_vit.py", "train_vit.py"),
        *("calibration.py", "models.py", "models.py"),
    ]
    assert calls[-1][-2:] == ["report", "report"]


def test_what_is_recorded_is_left_alone(calls: list[list[str]], tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "layer-fp32.json").touch()
    outcome = CliRunner().invoke(evidence.main, ["--part", "time", "--report", "page"])
    assert outcome.exit_code == 0
    assert [call[0] for call in calls[:-1]] == ["wall_clock.py"]
    assert calls[-1][-2:] == ["report", "page"]


def test_how_long_everything_took_is_added_up_over_calls(calls: list[list[str]], tmp_path: Path) -> None:
    for _ in range(2):
        CliRunner().invoke(evidence.main, ["--part", "networks"])
    took = json.loads((tmp_path / "results" / "evidence.json").read_text(encoding="utf-8"))["commands"]
    assert [row["command"] for row in took] == evidence.PARTS["networks"]
    assert all(row["calls"] == 2 and row["seconds"] > 0 for row in took)
    assert len(calls) == 2 * (len(took) + 1)
