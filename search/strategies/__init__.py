"""The strategies; each is imported when it is asked for by name."""

from __future__ import annotations

from importlib import import_module

from search.strategy import Strategy
from search.strategy_names import NAMES
from stl_algebra.errors import InvalidInput

_PATHS = {
    "orbit": "search.strategies.orbit:OrbitSearch",
    "sum": "search.strategies.sum:SumSearch",
    "hop": "search.strategies.hop:HopSearch",
    "signed": "search.strategies.signed:SignedSearch",
    "compose": "search.strategies.compose:ComposeSearch",
    "deflation": "search.strategies.deflation:DeflationSearch",
    "lm": "search.strategies.lm:LevenbergMarquardtSearch",
    "batch": "search.strategies.batch:BatchSearch",
    "als": "search.strategies.als:AlternatingSearch",
    "group": "search.strategies.group:GroupSearch",
    "flip": "search.strategies.flip:FlipSearch",
}


def strategy(name: str) -> Strategy:
    """The strategy of a name. Raises InvalidInput for an unknown one.

    >>> strategy("lm").name
    'lm'
    """
    if name not in _PATHS:
        raise InvalidInput(f"unknown strategy {name!r}; choose auto or one of {', '.join(NAMES)}")
    module, attribute = _PATHS[name].split(":")
    instance: Strategy = getattr(import_module(module), attribute)()
    return instance
