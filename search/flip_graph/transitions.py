"""When a walk makes plus transitions, and on which products: the same over either ring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.bits import U64, below, draw
from stl_algebra.compiled import njit


@njit(cache=True)
def products_to_add(counts: NDArray[np.int64], pairs: int, random: NDArray[np.uint64], ceiling: int) -> int:
    """How many plus transitions to try, so that the rank stays at most `ceiling`; 0 where there is no room for one.

    Where no pair shares a factor, one: that is enough to go on, and near low ranks some walks come there every few
    hundred flips.

    >>> int(products_to_add(np.array([7, 0]), 0, np.array([1], np.uint64), 9))
    1
    """
    more = ceiling - counts[0]
    if more <= 0 or counts[0] < 2:
        return 0
    return 1 + below(draw(random), more) if pairs else 1


@njit(cache=True)
def two_products(random: NDArray[np.uint64], rank: int) -> tuple[int, int, int, int, int, np.uint64]:
    """Two products drawn at random, the three slots in a random order, and the bits left over.

    >>> s, t, *slots, _ = two_products(np.array([1], np.uint64), 5)
    >>> s != t, sorted(slots)
    (True, [0, 1, 2])
    """
    bits = draw(random)
    s = below(bits, rank)
    t = (s + 1 + below(draw(random), rank - 1)) % rank
    first = int(np.int64(bits % U64(3)))
    second, third = (first + 1) % 3, (first + 2) % 3
    if bits & U64(8):
        second, third = third, second
    return s, t, first, second, third, bits >> U64(4)
