"""The smallest exact ranks the literature knows."""

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


def exact_rank(format: Format) -> int | None:
    """The smallest exact rank known, n·m·p for a format with a side of 1, or None where none is recorded.

    >>> exact_rank(Format(4, 3, 2))
    20
    """
    if min(format) == 1:
        return Format(*format).products
    n, m, p = sorted(format)
    return EXACT_RANKS.get((n, m, p))
