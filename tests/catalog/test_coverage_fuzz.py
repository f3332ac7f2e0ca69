"""A short coverage-guided fuzzing run of every reader, where atheris is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalog.interchange import FORMATS

pytest.importorskip("atheris", reason="needs atheris, which installs on Linux up to Python 3.13")


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_escapes_a_reader(kind: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.catalog.coverage_fuzz", kind, "-runs=400", "-seed=1"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert "Done 400 runs" in run.stderr
