"""How fast flips are, and how soon a walk is down at a rank: one call each, for benchmarks."""

from __future__ import annotations

import time

import numpy as np

from search.flip_graph.scheme import Scheme
from search.flip_graph.walker import Walker, Walking, descend
from stl_algebra import Format, InvalidInput, Ring, classical

#: Flips without a lower rank before a descent starts again from the classical algorithm.
WALKING = Walking(patience=50_000, climb=2, length=50_000_000)


def flips_per_second(format: Format, ring: Ring = Ring.GF2, flips: int = 20_000_000, seed: int = 0) -> float:
    """Flips (over {−1, 0, 1}: flips tried) a second of CPU time, on one core, walking down from the classical
    algorithm and then near the lowest rank met; plus transitions and reductions are part of it.

    >>> flips_per_second(Format(2, 2, 3), flips=100_000) > 0
    True
    """
    walker = Walker(_classical(format, ring), np.random.default_rng(seed))
    ceiling = format.products + WALKING.climb
    walker.walk(1, patience=WALKING.patience, ceiling=ceiling, target=0)  # compiles
    started = time.process_time()
    done = walker.walk(flips, patience=WALKING.patience, ceiling=ceiling, target=0)
    return done / (time.process_time() - started)


def seconds_to_rank(
    format: Format, rank: int, ring: Ring, seed: int, *, limit: float = 3600.0
) -> tuple[float, Scheme | None]:
    """CPU seconds of walks from the classical algorithm until a scheme of a rank, and that scheme.

    A walk that gains nothing for long starts again. None for the scheme where the limit of seconds came first. The
    kernels are compiled before the clock starts. Raises InvalidInput for a rank that does not fit the format.

    >>> seconds, scheme = seconds_to_rank(Format(2, 2, 2), 7, Ring.GF2, 0)
    >>> seconds < 3600, scheme.encoder.rank
    (True, 7)
    """
    start = _classical(format, ring)
    if format.check_rank(rank) == start.rank:
        raise InvalidInput(f"rank {rank} of {format} is that of the classical algorithm: no search is needed")
    Walker(start, np.random.default_rng(0)).walk(1, patience=1, ceiling=start.rank + 1, target=0)
    rng = np.random.default_rng(seed)
    started = time.process_time()

    def late() -> bool:
        return time.process_time() - started > limit

    while not late():
        for scheme in descend(start, rng, late, WALKING, rank):
            if scheme.rank <= rank:
                return time.process_time() - started, scheme
    return time.process_time() - started, None


def _classical(format: Format, ring: Ring) -> Scheme:
    scheme = Scheme.of(classical(format), ring)
    assert scheme is not None
    return scheme
