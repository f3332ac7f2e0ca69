"""Looking for a low rank of one format: descents from grown starts and from the best met so far."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.flip_graph.growth import Nursery
from search.flip_graph.scheme import Scheme
from search.flip_graph.walker import Walking, descend
from search.stop import Stop
from stl_algebra import Format, Ring

#: The walks at the formats a start is grown through.
GROWING = Walking(length=2_000_000)
#: Flips without gain after which a descent is given up: so many at first, as many more every so many descents.
LENGTH, LENGTHEN_EVERY = 10_000_000, 8
#: Schemes of the lowest rank met that are kept to go on from, and how often that is done.
KEPT, GO_ON = 16, 0.5


def varied(rng: np.random.Generator, length: int) -> Walking:
    """A walk with its patience, from 5 000 to 100 000 flips, and its climb, 2 to 5, drawn at random.

    >>> 2 <= varied(np.random.default_rng(0), 10).climb <= 5
    True
    """
    patience = int(5_000 * 20 ** rng.random())
    return Walking(patience, int(rng.integers(2, 6)), length)


def varied_symmetric(rng: np.random.Generator, length: int) -> Walking:
    """The same for symmetric walks, whose steps are orbits of three: patience from 3 000 to 300 000, climb 3 or 6.

    >>> varied_symmetric(np.random.default_rng(0), 10).climb % 3
    0
    """
    patience = int(3_000 * 100 ** rng.random())
    return Walking(patience, 3 * int(rng.integers(1, 3)), length)


def explore(format: Format, ring: Ring, rng: np.random.Generator, stop: Stop, target: int = 0) -> Iterator[Scheme]:
    """Schemes of lower and lower rank, until one of rank `target` at most, or `stop()`.

    Which walk suits a format is not known beforehand, so they are varied; those that gain nothing become longer.

    >>> *_, last = explore(Format(2, 3, 3), Ring.Z, np.random.default_rng(0), Stop(), 15)
    >>> last.encoder.rank
    15
    """
    nursery = Nursery(ring, GROWING)
    kept: list[Scheme] = []
    lowest, descents = format.products + 1, 0
    while lowest > target and not stop():
        length = LENGTH * (1 + descents // LENGTHEN_EVERY)
        going_on = bool(kept) and rng.random() < GO_ON
        start = kept[int(rng.integers(len(kept)))] if going_on else nursery.start(format, rng, stop)
        if start is None:
            return
        end = start
        for end in descend(start, rng, stop, varied(rng, length), target):
            if end.rank < lowest:
                lowest, kept = end.rank, []
                yield end
        if end.rank == lowest:
            kept.insert(0, end)
            del kept[KEPT:]
        descents += 1
