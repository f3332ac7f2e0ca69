"""The one import name: every public name is there, and importing it needs nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

import strassen_tile

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ["stl_algebra", "search", "catalog", "stl_nn", "stl_bench", "strassen_tile"]
#: Run first in a process that is to have no torch.
WITHOUT_TORCH = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Blocked())
"""


def _run(code: str) -> str:
    """What a program prints in a process of its own; it must succeed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", strassen_tile.__all__)
def test_every_public_name_is_what_its_home_calls_so(name: str) -> None:
    value = getattr(strassen_tile, name)
    if name == "__version__":
        assert value == version("strassen-tile")
    else:
        assert value is getattr(import_module(strassen_tile._HOMES[name]), name)
        assert value.__name__ == name


def test_tab_completion_lists_the_public_names_and_nothing_else() -> None:
    assert dir(strassen_tile) == sorted(strassen_tile.__all__)
    assert list(strassen_tile.__all__) == sorted({*strassen_tile._HOMES, "__version__"})


def test_a_type_checker_finds_each_name_where_python_does() -> None:
    tree = ast.parse(Path(strassen_tile.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert {alias.name: node.module for node in imports for alias in node.names} == strassen_tile._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = strassen_tile.nothing


def test_it_imports_without_torch_and_names_the_way_to_it() -> None:
    code = """
import strassen_tile
assert strassen_tile.Catalog.default().best(tile=2, rank=7).exact
try:
    strassen_tile.convert
except ModuleNotFoundError as error:
    print(error)
"""
    assert _run(WITHOUT_TORCH + code) == "strassen_tile.convert needs PyTorch: pip install 'strassen-tile[nn]'\n"


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys, strassen_tile; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    assert not set(_run(code).split()) & {"numpy", "scipy", "numba", "torch", "click", "rich", *PACKAGES[:-1]}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_tells_type_checkers_that_it_has_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
