"""Commands run in a process of their own, as they are installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stl_bench.programs import program


@pytest.mark.parametrize("name", ["stl-search", "stl-catalog", "stl-bench"])
def test_a_command_runs_wherever_it_is_called(name: str, tmp_path: Path) -> None:
    # Packages of the same names in the current folder are not taken for the project's.
    for package in ("search", "catalog", "cli"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('the wrong package')", encoding="utf-8")
    done = subprocess.run([*program(name), "--help"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
