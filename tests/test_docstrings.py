"""Every public name has a docstring with numpydoc sections that name its parameters and results."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum
from functools import cache, cached_property
from types import ModuleType
from typing import Any, Protocol

import pytest
from numpydoc.validate import validate

#: Packages whose docstrings are complete. Ruff checks the style of the same ones (D rules in pyproject.toml).
PACKAGES = ["stl_algebra", "catalog", "stl_bench", "stl_nn", "strassen_tile"]

#: What numpydoc checks: a docstring is there, its summary is one sentence, its sections are known and in order,
#: and every parameter and result has a type and a description.
CHECKS = {
    *("GL03", "GL05", "GL06", "GL07", "GL08"),
    *("SS03", "SS05", "SS06"),
    *("PR01", "PR02", "PR03", "PR04", "PR05", "PR07", "PR10"),
    *("RT01", "RT03", "YD01"),
}
#: Modules that only import if an optional package is installed, and that package.
NEEDING = {"stl_nn.gpu.kernels": "triton"}


def _modules(package: str) -> Iterator[Any]:
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if found.name not in NEEDING or importlib.util.find_spec(NEEDING[found.name]):
            yield importlib.import_module(found.name)


def _public(package: str) -> list[str]:
    """The dotted names of all modules of a package, and of the public classes, functions and members they define."""
    names = []
    for module in _modules(package):
        names.append(module.__name__)
        for name, value in vars(module).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value):
                names += [f"{module.__name__}.{name}", *_members(value, f"{module.__name__}.{name}")]
            elif callable(inspect.unwrap(value)):
                names.append(f"{module.__name__}.{name}")
    return names


def _members(owner: type, path: str) -> Iterator[str]:
    for name, value in vars(owner).items():
        documented = inspect.isfunction(value) or isinstance(value, property | cached_property | classmethod)
        if documented and not name.startswith("_"):
            yield f"{path}.{name}"


def _faults(name: str) -> list[str]:
    """What numpydoc finds wrong with one docstring."""
    value = pkgutil.resolve_name(name)
    try:
        errors = validate(name)["errors"]
    except StopIteration:  # numpydoc looks for a function or class even in a module that has none
        errors = [] if value.__doc__ else [("GL08", "The module does not have a docstring")]
    documented_elsewhere = _documented_elsewhere(value, name)
    return [f"{name}: {text}" for code, text in errors if code in CHECKS and not code.startswith(documented_elsewhere)]


def _documented_elsewhere(value: Any, name: str) -> tuple[str, ...]:
    """How the codes of those checks begin that a docstring does not have to pass: its sections are found elsewhere."""
    if isinstance(value, ModuleType):
        return ()
    if isinstance(value, type):
        return () if _makes_itself(value) else ("PR",)
    owner = pkgutil.resolve_name(name.rpartition(".")[0])
    if isinstance(owner, type) and name.rpartition(".")[2] in _promised(owner):
        return ("PR", "RT", "YD")
    yields_nothing = callable(value) and inspect.signature(value).return_annotation == "Iterator[None]"
    return ("YD",) if yields_nothing else ()  # as the function behind a context manager that gives nothing


def _makes_itself(owner: type) -> bool:
    """Whether the constructor is of this project, and not of Python or of a library."""
    if issubclass(owner, Enum) or getattr(owner, "_is_protocol", False):
        return False
    maker = next(base for base in owner.__mro__ if vars(base).keys() & {"__init__", "__new__"})
    return maker.__module__.partition(".")[0] == owner.__module__.partition(".")[0]


def _promised(owner: type) -> set[str]:
    """The methods of a class that a base class or a protocol which it keeps documents."""
    protocols = [one for one in _protocols(owner.__module__.partition(".")[0]) if _names(one) <= set(dir(owner))]
    return {name for base in (*owner.__mro__[1:], *protocols) for name in _names(base) if base is not owner}


def _names(owner: type) -> set[str]:
    return {name for name, value in vars(owner).items() if not name.startswith("_") and callable(value)}


@cache
def _protocols(package: str) -> list[type]:
    """The protocols that a package defines."""
    values = [value for module in _modules(package) for value in vars(module).values()]
    ours = [value for value in values if getattr(value, "__module__", "").startswith(package)]
    return [one for one in ours if isinstance(one, type) and getattr(one, "_is_protocol", False)]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_docstring_is_complete(package: str) -> None:
    assert [fault for name in _public(package) for fault in _faults(name)] == []


def _undocumented(first: int, second: int) -> int:
    """Add two numbers.

    Parameters
    ----------
    first : int
        A number.
    third : int
        Not a parameter.
    """
    return first + second


def test_a_missing_parameter_is_a_fault() -> None:
    found = " ".join(_faults(f"{__name__}._undocumented"))
    assert "{'second'} not documented" in found
    assert "Unknown parameters {'third'}" in found
    assert "No Returns section" in found


class _Given(Protocol):
    def opened(self, number: int) -> str:
        """Open.

        Parameters
        ----------
        number : int
            A number.

        Returns
        -------
        str
            Text.
        """


class _Kept:
    """It keeps the promise of _Given."""

    def opened(self, number: int) -> str:
        """Open, in its own way."""
        return str(number)

    def closed(self, number: int) -> None:
        """Close."""


def test_a_method_that_keeps_a_promise_is_documented_with_the_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    for protocols, is_fault in (([], True), ([_Given], False)):
        monkeypatch.setitem(globals(), "_protocols", lambda _, found=protocols: found)
        assert bool(_faults(f"{__name__}._Kept.opened")) == is_fault
        assert _faults(f"{__name__}._Kept.closed")
