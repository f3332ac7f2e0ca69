"""What a search starts from: the encoders that a catalog holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry
    from search.problem import Problem
    from stl_algebra.format import Format
    from stl_algebra.moments import TileMoments
    from stl_algebra.precision import Precision


def _known(
    catalog: Catalog, tile: Format, ranks: tuple[int, int], precision: str, weights: TileMoments | None
) -> list[Entry]:
    """What a search may start from, of its format: the catalog's best few of every rank nearby, and exact ones."""
    near, per_rank = 4, 8
    chosen: dict[int, list[Entry]] = {}
    entries = catalog.entries(tile, real=True, precision=precision, order="error")
    entries = [entry for entry in entries if entry.exact or ranks[0] - near <= entry.rank <= ranks[1] + near]
    if weights is not None and entries:
        from search.numerics.scoring import score

        errors = score([entry.encoder for entry in entries], weights).error_at(precision)
        entries = [entries[k] for k in errors.argsort(kind="stable")]
    for entry in entries:
        same = chosen.setdefault(entry.rank, [])
        if len(same) < per_rank:
            same.append(entry)
    return [entry for same in chosen.values() for entry in same]


def _parts(catalog: Catalog, tile: Format, precision: str) -> list[Entry]:
    """What a search may compose or grow, of every smaller format.

    That is the catalog's best encoder of every rank, and the exact ones of least rank whose denominators are odd, which
    flips start from.
    """
    best: dict[tuple[tuple[int, ...], int], Entry] = {}
    odd: dict[tuple[int, ...], list[Entry]] = {}
    for entry in catalog.entries(None, real=True, precision=precision, order="error"):
        shape = tuple(sorted(entry.format))
        if shape == tuple(sorted(tile)) or any(a > b for a, b in zip(shape, sorted(tile), strict=True)):
            continue
        best.setdefault((shape, entry.rank), entry)
        if entry.exact and all(denominator % 2 for denominator in entry.encoder.denominators):
            odd.setdefault(shape, []).append(entry)
    least = [entry for same in odd.values() for entry in same if entry.rank == min(other.rank for other in same)]
    return list({entry.id: entry for entry in (*best.values(), *least)}.values())


def problem_from(
    catalog: Catalog, tile: Format, ranks: tuple[int, int], precision: Precision, weights: TileMoments | None = None
) -> tuple[Problem, list[Entry]]:
    """Pose the problem of a search, at the lowest of its ranks, with what a catalog has to start from.

    Parameters
    ----------
    catalog : Catalog
        Where the starts come from.
    tile : Format
        The format.
    ranks : (int, int)
        The lowest and the highest rank of the search.
    precision : Precision
        The error is minimised at this precision.
    weights : TileMoments or None
        Second moments of the tiles, or None for white inputs.

    Returns
    -------
    problem : Problem
        The problem.
    starts : list of Entry
        The entries that it starts from.

    Raises
    ------
    InvalidInput
        If the rank or the moments do not fit the format.
    """
    from search.problem import Problem

    problem = Problem(tile, ranks[0], precision, weights=weights)  # which checks that they fit together
    known = _known(catalog, tile, ranks, precision.name, weights)
    parts = [] if weights is not None else _parts(catalog, tile, precision.name)
    known_encoders, part_encoders = (tuple(entry.encoder for entry in entries) for entries in (known, parts))
    return replace(problem, known=known_encoders, parts=part_encoders), [*known, *parts]
