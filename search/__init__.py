"""Finding tile encoders: strategies, the problems they solve, and running them in parallel.

A strategy of one's own subclasses `Strategy` and `Explorer`; `Strategy` shows one of thirty lines. Names are imported
when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.problem import Problem
    from search.stop import Stop
    from search.strategy import Explorer, Strategy
    from search.trial import Candidate, Trial

#: The module that each public name comes from.
_HOMES = {
    "Candidate": "search.trial",
    "Explorer": "search.strategy",
    "Problem": "search.problem",
    "Stop": "search.stop",
    "Strategy": "search.strategy",
    "Trial": "search.trial",
}

__all__ = ["Candidate", "Explorer", "Problem", "Stop", "Strategy", "Trial"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
