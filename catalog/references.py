"""What the literature knows: best exact ranks and border ranks, to compare the catalog with."""

from __future__ import annotations

from stl_algebra.format import Format

#: Smallest rank known over Q, by format with n ≤ m ≤ p; the rank does not depend on their order.
#: Sources: the catalogue fmm.univ-lille.fr; arXiv 2511.20317; arXiv 2505.09814 (⟨4,4,4⟩:48).
EXACT_RANKS: dict[tuple[int, int, int], int] = {
    (2, 2, 2): 7,
    (2, 2, 3): 11,
    (2, 2, 4): 14,
    (2, 2, 5): 18,
    (2, 3, 3): 15,
    (2, 3, 4): 20,
    (2, 3, 5): 25,
    (2, 4, 4): 26,
    (2, 4, 5): 32,
    (2, 5, 5): 40,
    (3, 3, 3): 23,
    (3, 3, 4): 29,
    (3, 3, 5): 36,
    (3, 4, 4): 38,
    (3, 4, 5): 47,
    (3, 5, 5): 58,
    (4, 4, 4): 48,
    (4, 4, 5): 61,
    (4, 5, 5): 76,
    (5, 5, 5): 93,
    (6, 6, 6): 153,
}

#: Upper bounds on the border rank, in the same order. Sources: Smirnov 2013; Landsberg, Tensors, 2019.
BORDER_RANKS: dict[tuple[int, int, int], int] = {
    (2, 2, 2): 7,
    (2, 2, 3): 10,
    (2, 3, 3): 14,
    (3, 3, 3): 20,
    (4, 4, 4): 46,
    (5, 5, 5): 90,
}


def exact_rank(format: Format) -> int | None:
    """The smallest exact rank known, n·m·p for a format with a side of 1, or None where none is recorded.

    >>> exact_rank(Format(4, 3, 2))
    20
    """
    if min(format) == 1:
        return format.products
    return EXACT_RANKS.get(_ordered(format))


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
