"""What the literature knows: best exact ranks and border ranks, to compare the catalog with."""

from __future__ import annotations

from stl_algebra.format import Format
from stl_algebra.known_ranks import exact_rank

__all__ = ["BORDER_RANKS", "border_rank", "exact_rank", "naive_error"]

#: Upper bounds on the border rank, in the same order. Sources: Smirnov 2013; Landsberg, Tensors, 2019.
BORDER_RANKS: dict[tuple[int, int, int], int] = {
    (2, 2, 2): 7,
    (2, 2, 3): 10,
    (2, 3, 3): 14,
    (3, 3, 3): 20,
    (4, 4, 4): 46,
    (5, 5, 5): 90,
}


def border_rank(format: Format) -> int | None:
    """The smallest upper bound on the border rank recorded, or None."""
    return BORDER_RANKS.get(_ordered(format))


def naive_error(ratio: float) -> float:
    """The relative error of keeping r of the n·m·p products of the classical algorithm: 1 − r/(n·m·p).

    >>> naive_error(0.75)
    0.25
    """
    return max(0.0, 1.0 - ratio)


def _ordered(format: Format) -> tuple[int, int, int]:
    n, m, p = sorted(format)
    return n, m, p
