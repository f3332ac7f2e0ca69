"""Tables of results as Markdown, each made from recorded results or from the shipped catalog, for the documents.

No number in them is written by hand: what a table says is computed from the record whose command, date and machine
stand below it. `python -m stl_bench.report.tables NAME` prints one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from stl_algebra import InvalidInput
from stl_bench.records import RESULTS, Record, of_benchmark, read_records
from stl_bench.report.tables.encoders import exact_ranks, frontier, near_exact, tile_sizes
from stl_bench.report.tables.layers import calibration, layer_speed, rivals
from stl_bench.report.tables.networks import commands, finetuned, networks, wall_clock
from stl_bench.report.tables.searches import durations, search_speed, weighted_search
from stl_bench.report.tables.training import vision_transformer

__all__ = ["tables"]

#: Tables made from records: the benchmark that writes these, and what makes the table of them.
_RECORDED: dict[str, tuple[str, Callable[[list[Record]], str]]] = {
    "calibration": ("calibration", calibration),
    "networks": ("models", networks),
    "networks-finetuned": ("models", finetuned),
    "networks-commands": ("models", commands),
    "layer-speed": ("layer", layer_speed),
    "rivals": ("rivals", rivals),
    "wall-clock": ("wall_clock", wall_clock),
    "vision-transformer": ("train_vit", vision_transformer),
    "search-speed": ("search_speed", search_speed),
    "weighted-search": ("weighted_search", weighted_search),
    "durations": ("evidence", durations),
}
#: Tables made from the shipped catalog.
_COMPUTED: dict[str, Callable[[], str]] = {
    "frontier": frontier,
    "near-exact": near_exact,
    "exact-ranks": exact_ranks,
    "tile-sizes": tile_sizes,
}


def tables(results: Path = RESULTS) -> dict[str, Callable[[], str]]:
    """Return every table by name, as a function that renders it.

    Parameters
    ----------
    results : Path
        The folder of recorded results. It is read when a table is rendered; tables of the catalog need none.

    Returns
    -------
    dict
        From the name of a table to a function that returns it as Markdown, with where it comes from below it. The
        function raises InvalidInput if the record of the table is missing or damaged.

    Examples
    --------
    >>> print(tables()["frontier"]()[:14])
    | rank | mults
    """
    recorded = {name: partial(_rendered, results, *made) for name, made in _RECORDED.items()}
    return {**_COMPUTED, **recorded}


def _rendered(results: Path, benchmark: str, make: Callable[[list[Record]], str]) -> str:
    found = of_benchmark(read_records(results), benchmark)
    if not found:
        raise InvalidInput(
            f"{results} holds no record of the benchmark {benchmark}; measure it with: python benchmarks/{benchmark}.py"
        )
    return make(found)
