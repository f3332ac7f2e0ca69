"""The benchmark scripts run as they are, from any folder, and stand on the packages alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))
PACKAGES = {"stl_algebra", "search", "catalog", "stl_nn", "stl_bench", "strassen_tile"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_imports_no_other_script_and_has_no_path_of_its_own(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    modules = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and node.module}
    roots = {module.split(".")[0] for module in modules}
    assert not roots & {"benchmarks", "cli", *(other.stem for other in SCRIPTS)}
    assert "sys.path" not in text
    assert roots & PACKAGES


def test_no_script_has_the_name_of_a_package() -> None:
    """Its own folder comes first on the path of a script."""
    assert not {script.stem for script in SCRIPTS} & (PACKAGES | sys.stdlib_module_names)


@pytest.mark.parametrize("name", ["evidence.py", "schemes.py", "search_speed.py"])
def test_a_script_runs_from_any_folder(name: str, tmp_path: Path) -> None:
    (script,) = (script for script in SCRIPTS if script.name == name)
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()
