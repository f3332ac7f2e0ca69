"""One walk through a flip graph, over either ring, in slices of flips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from search.flip_graph.binary import binary_walk, flip_binary
from search.flip_graph.dependencies import reduced
from search.flip_graph.scheme import Scheme
from search.flip_graph.ternary import flip_ternary, ternary_walk
from stl_algebra import Ring

#: Flips between two looks at the clock: some tens of milliseconds.
SLICE = 200_000


@dataclass(frozen=True)
class Walking:
    """How to walk: flips at one rank before a plus transition, how far above the lowest rank met those may lead,
    and flips without a lower rank before the walk is given up.

    >>> Walking().climb
    3
    """

    patience: int = 20_000
    climb: int = 3
    length: int = 20_000_000


class Walker:
    """A walk that starts at a scheme; reductions at hand are made at once.

    >>> from stl_algebra import Format, classical
    >>> walker = Walker(Scheme.of(classical(Format(2, 2, 2)), Ring.GF2), np.random.default_rng(0))
    >>> walker.walk(100_000, patience=50, ceiling=9, target=7) < 100_000, walker.scheme().encoder.rank
    (True, 7)
    """

    def __init__(self, start: Scheme, rng: np.random.Generator, room: int = 6) -> None:
        self.format, self.ring = start.format, start.ring
        plus, minus = start.masks()
        seed = int(rng.integers(2**63))
        self._binary = binary_walk(plus, seed, room) if self.ring is Ring.GF2 else None
        self._ternary = None if self._binary else ternary_walk(plus, minus, seed, room)
        self.capacity = start.rank + room

    @property
    def rank(self) -> int:
        """The rank where the walk stands."""
        walk = self._binary or self._ternary
        assert walk is not None
        return int(walk.counts[0])

    def walk(self, flips: int, *, patience: int, ceiling: int, target: int) -> int:
        """Go on for so many flips at most, until the rank is at most `target`; returns the flips done."""
        ceiling = min(ceiling, self.capacity)
        if self._binary is not None:
            return int(flip_binary(self._binary, flips, patience, ceiling, target))
        assert self._ternary is not None
        return int(flip_ternary(self._ternary, flips, patience, ceiling, target))

    def scheme(self) -> Scheme:
        """The scheme where the walk stands."""
        rank = self.rank
        if self._binary is not None:
            plus = self._binary.shared.keys[:, :rank]
            return Scheme.from_masks(self.format, self.ring, plus, np.zeros_like(plus))
        walk = self._ternary
        assert walk is not None
        plus, minus = walk.plus[:, :rank].copy(), walk.minus[:, :rank].copy()
        negative = walk.negative[:rank] == 1
        plus[0, negative], minus[0, negative] = minus[0, negative], plus[0, negative]
        return Scheme.from_masks(self.format, self.ring, plus, minus)


def descend(
    start: Scheme, rng: np.random.Generator, stop: Callable[[], bool], walking: Walking, target: int = 0
) -> Iterator[Scheme]:
    """Walk from a scheme and yield one of every lower rank reached, the start's own first, until `target`.

    After `walking.length` flips that led to no lower rank linear dependencies are looked for; the descent ends where
    there are none, or when `stop()`.
    """
    scheme: Scheme | None = start
    while scheme is not None:
        walker = Walker(scheme, rng, 2 * walking.climb)
        best, since = walker.rank, 0
        yield walker.scheme()
        while best > target and since < walking.length and not stop():
            done = walker.walk(SLICE, patience=walking.patience, ceiling=best + walking.climb, target=best - 1)
            since += done
            if walker.rank < best:
                best, since = walker.rank, 0
                yield walker.scheme()
            elif not done:
                break
        dependent = best > target and walker.rank == best and not stop()
        scheme = reduced(walker.scheme()) if dependent else None


def wandered(start: Scheme, rng: np.random.Generator, stop: Callable[[], bool], walking: Walking) -> Scheme:
    """Another scheme of the start's rank or less: where a walk of `walking.length` flips next comes down to it.

    The start itself where the walk does not come down in as many flips again, or `stop()` came first.
    """
    walker = Walker(start, rng, 2 * walking.climb)
    rank, ceiling = walker.rank, walker.rank + walking.climb
    for target in (0, rank):
        left = walking.length
        while left > 0 and not stop() and walker.rank > target:
            done = walker.walk(min(SLICE, left), patience=walking.patience, ceiling=ceiling, target=target)
            left -= max(done, 1)
    return walker.scheme() if walker.rank <= rank else start
