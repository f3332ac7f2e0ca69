"""Discover fast and approximate matrix multiplication, and run networks on what is found.

Everything a user needs has one import name:

    from strassen_tile import Catalog, convert, search

    encoder = Catalog.default().best(tile=4, rank=40)
    report = convert(model, encoder)

Names are imported when they are first used, so that ``import strassen_tile`` is quick and needs no torch. Only what
works on networks (`convert`, `STLLinear`, `Calibration`, …) needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog import Catalog, Entry, Provenance
    from search.contract import StrategyContract
    from search.problem import Problem
    from search.stop import Stop
    from search.strategies import register
    from search.strategy import Explorer, Strategy
    from search.trial import Candidate, Trial
    from stl_algebra import Format, InvalidInput, Precision, TileEncoder, TileMoments, classical, strassen
    from stl_nn import (
        Calibration,
        ConversionReport,
        LayerOptions,
        STLLinear,
        convert,
        join_layers,
        load_converted,
        revert,
        save_converted,
        separate_layers,
        stl_matmul,
    )
    from strassen_tile.found import Found
    from strassen_tile.searching import search

    __version__: str

#: The module that each public name comes from.
_HOMES = {
    "Calibration": "stl_nn",
    "Candidate": "search.trial",
    "Catalog": "catalog",
    "classical": "stl_algebra",
    "ConversionReport": "stl_nn",
    "convert": "stl_nn",
    "Entry": "catalog",
    "Explorer": "search.strategy",
    "Format": "stl_algebra",
    "Found": "strassen_tile.found",
    "InvalidInput": "stl_algebra",
    "join_layers": "stl_nn",
    "LayerOptions": "stl_nn",
    "load_converted": "stl_nn",
    "Precision": "stl_algebra",
    "Problem": "search.problem",
    "Provenance": "catalog",
    "register": "search.strategies",
    "revert": "stl_nn",
    "save_converted": "stl_nn",
    "search": "strassen_tile.searching",
    "separate_layers": "stl_nn",
    "stl_matmul": "stl_nn",
    "STLLinear": "stl_nn",
    "Stop": "search.stop",
    "strassen": "stl_algebra",
    "Strategy": "search.strategy",
    "StrategyContract": "search.contract",
    "TileEncoder": "stl_algebra",
    "TileMoments": "stl_algebra",
    "Trial": "search.trial",
}

__all__ = [
    "Calibration",
    "Candidate",
    "Catalog",
    "ConversionReport",
    "Entry",
    "Explorer",
    "Format",
    "Found",
    "InvalidInput",
    "LayerOptions",
    "Precision",
    "Problem",
    "Provenance",
    "STLLinear",
    "Stop",
    "Strategy",
    "StrategyContract",
    "TileEncoder",
    "TileMoments",
    "Trial",
    "__version__",
    "classical",
    "convert",
    "join_layers",
    "load_converted",
    "register",
    "revert",
    "save_converted",
    "search",
    "separate_layers",
    "stl_matmul",
    "strassen",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version

        return version("strassen-tile")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        message = f"strassen_tile.{name} needs PyTorch: pip install 'strassen-tile[nn]'"
        raise ModuleNotFoundError(message, name="torch") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return sorted(__all__)
