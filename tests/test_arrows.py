"""What import-linter cannot check: the light packages never pull in torch, and every file fits one room.

`lint-imports` checks which package may import which, and that there are no circles (see pyproject.toml).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 400


@pytest.mark.parametrize("package", ["stl_algebra", "search", "catalog", "strassen_tile", "cli"])
def test_light_packages_do_not_import_torch(package: str) -> None:
    code = f"import {package}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("package", ["stl_algebra", "catalog", "strassen_tile"])
def test_no_module_of_these_packages_imports_torch(package: str) -> None:
    code = f"""
import sys, pkgutil, importlib
for module in pkgutil.walk_packages(importlib.import_module({package!r}).__path__, "{package}."):
    importlib.import_module(module.name)
    assert "torch" not in sys.modules, module.name
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_file_fits_one_room() -> None:
    files = [file for ending in ("py", "js") for file in ROOT.rglob(f"*.{ending}")]
    ours = [file for file in files if not {".venv", "build", "out"} & set(file.relative_to(ROOT).parts)]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in ours}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}
