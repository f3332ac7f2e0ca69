"""The packages import only along the arrows of the design, and the light ones never pull in torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"stl_algebra", "search", "catalog", "stl_nn", "cli", "benchmarks", "tests"}
ARROWS = {
    "stl_algebra": set(),
    "search": {"stl_algebra"},
    "catalog": {"stl_algebra"},
    "stl_nn": {"stl_algebra", "catalog", "search"},  # an encoder of a layer's own is a search under its moments
}


def _imported(file: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.split(".")[0])
    return roots


@pytest.mark.parametrize("package", ARROWS)
def test_imports_follow_the_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    allowed = ARROWS[package] | {package}
    against = {str(f.relative_to(ROOT)): _imported(f) & PACKAGES - allowed for f in files}
    assert {f: roots for f, roots in against.items() if roots} == {}


@pytest.mark.parametrize("package", ["stl_algebra", "search", "catalog", "cli"])
def test_light_packages_do_not_import_torch(package: str) -> None:
    code = f"import {package}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_every_python_file_fits_one_room() -> None:
    long = {
        str(f): n for f in ROOT.rglob("*.py") if ".venv" not in f.parts and (n := len(f.read_text().splitlines())) > 450
    }
    assert long == {}
