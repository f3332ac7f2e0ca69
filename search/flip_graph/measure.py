"""How fast flips are, and how soon a walk is down at a rank: one call each, for benchmarks."""

from __future__ import annotations

import time

import numpy as np

from search.flip_graph.explore import explore
from search.flip_graph.scheme import Scheme
from search.flip_graph.walker import Walker
from search.stop import Stop
from stl_algebra import Format, InvalidInput, Ring, classical

#: How flips are timed: plus transitions after so many flips at a rank, so far above that of the classical algorithm.
PATIENCE, CLIMB = 50_000, 2


def flips_per_second(format: Format, ring: Ring = Ring.GF2, flips: int = 20_000_000, seed: int = 0) -> float:
    """Flips (over {−1, 0, 1}: flips tried) a second of CPU time, on one core, walking down from the classical
    algorithm and then near the lowest rank met; plus transitions and reductions are part of it.

    >>> flips_per_second(Format(2, 2, 3), flips=100_000) > 0
    True
    """
    walker = Walker(_classical(format, ring), np.random.default_rng(seed))
    ceiling = format.products + CLIMB
    walker.walk(1, patience=PATIENCE, ceiling=ceiling, target=0)  # compiles
    started = time.process_time()
    done = walker.walk(flips, patience=PATIENCE, ceiling=ceiling, target=0)
    return done / (time.process_time() - started)


def seconds_to_rank(
    format: Format, rank: int, ring: Ring, seed: int, *, limit: float = 3600.0
) -> tuple[float, Scheme | None]:
    """CPU seconds of exploring until a scheme of a rank, and that scheme; nothing is known at the start.

    None for the scheme where the limit of seconds came first. The kernels are compiled before the clock starts.
    Raises InvalidInput for a rank that does not fit the format.

    >>> seconds, scheme = seconds_to_rank(Format(2, 2, 2), 7, Ring.GF2, 0)
    >>> seconds < 3600, scheme.encoder.rank
    (True, 7)
    """
    start = _classical(format, ring)
    if format.check_rank(rank) == start.rank:
        raise InvalidInput(f"rank {rank} of {format} is that of the classical algorithm: no search is needed")
    Walker(start, np.random.default_rng(0)).walk(1, patience=1, ceiling=start.rank + 1, target=0)
    started = time.process_time()
    for scheme in explore(format, ring, np.random.default_rng(seed), _ProcessorTime(limit), rank):
        if scheme.rank <= rank:
            return time.process_time() - started, scheme
    return time.process_time() - started, None


class _ProcessorTime(Stop):
    """Stops after so many seconds that this process computed."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.process_time() + seconds

    def __call__(self) -> bool:
        return time.process_time() > self._end


def _classical(format: Format, ring: Ring) -> Scheme:
    scheme = Scheme.of(classical(format), ring)
    assert scheme is not None
    return scheme
