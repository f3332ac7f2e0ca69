"""One walk through a flip graph, over either ring, in slices of flips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from search.flip_graph.binary import BinaryWalk, binary_walk, flip_binary
from search.flip_graph.dependencies import reduced
from search.flip_graph.scheme import Scheme
from search.flip_graph.symmetric import SymmetricWalk, flip_symmetric, symmetric_factors, symmetric_walk
from search.flip_graph.ternary import TernaryWalk, flip_ternary, ternary_walk
from search.stop import Stop
from stl_algebra import InvalidInput, Ring

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

    A `symmetric` one keeps to schemes of square formats over GF(2) that rotation leaves as they are; InvalidInput
    where it starts at another.

    >>> from stl_algebra import Format, classical
    >>> walker = Walker(Scheme.of(classical(Format(2, 2, 2)), Ring.GF2), np.random.default_rng(0))
    >>> walker.walk(100_000, patience=50, ceiling=9, target=7) < 100_000, walker.scheme().encoder.rank
    (True, 7)
    """

    def __init__(self, start: Scheme, rng: np.random.Generator, room: int = 6, *, symmetric: bool = False) -> None:
        self.format, self.ring = start.format, start.ring
        self.capacity = start.rank + room
        seed = int(rng.integers(2**63))
        self._walk: BinaryWalk | TernaryWalk | SymmetricWalk
        if symmetric:
            if len(set(self.format)) > 1 or self.ring is not Ring.GF2:
                raise InvalidInput(f"symmetric walks are over GF(2) and at square formats, not {self.format}")
            self._walk = symmetric_walk(_third_transposed(start).masks()[0], seed, room)
        elif self.ring is Ring.GF2:
            self._walk = binary_walk(start.masks()[0], seed, room)
        else:
            self._walk = ternary_walk(*start.masks(), seed, room)

    @property
    def rank(self) -> int:
        """The rank where the walk stands."""
        return int(self._walk.counts[0])

    def walk(self, flips: int, *, patience: int, ceiling: int, target: int) -> int:
        """Go on for so many flips at most, until the rank is at most `target`; returns the flips done."""
        ceiling = min(ceiling, self.capacity)
        match self._walk:
            case SymmetricWalk():
                return int(flip_symmetric(self._walk, flips, patience, ceiling, target))
            case BinaryWalk():
                return int(flip_binary(self._walk, flips, patience, ceiling, target))
            case TernaryWalk():
                return int(flip_ternary(self._walk, flips, patience, ceiling, target))

    def scheme(self) -> Scheme:
        """The scheme where the walk stands."""
        rank, walk = self.rank, self._walk
        if isinstance(walk, TernaryWalk):
            plus, minus = walk.plus[:, :rank].copy(), walk.minus[:, :rank].copy()
            negative = walk.negative[:rank] == 1
            plus[0, negative], minus[0, negative] = minus[0, negative], plus[0, negative]
            return Scheme.from_masks(self.format, self.ring, plus, minus)
        symmetric = isinstance(walk, SymmetricWalk)
        plus = symmetric_factors(walk) if isinstance(walk, SymmetricWalk) else walk.shared.keys[:, :rank]
        scheme = Scheme.from_masks(self.format, self.ring, plus, np.zeros_like(plus))
        return _third_transposed(scheme) if symmetric else scheme


def _third_transposed(scheme: Scheme) -> Scheme:
    """The same with the tiles of Y transposed, for that is what rotation exchanges with those of X and W."""
    u, v, w = scheme.factors
    n = scheme.format.n
    turned = np.ascontiguousarray(w.reshape(-1, n, n).transpose(0, 2, 1)).reshape(-1, n * n)
    return Scheme(scheme.format, (u, v, turned), scheme.ring)


def descend(
    start: Scheme,
    rng: np.random.Generator,
    stop: Stop,
    walking: Walking,
    target: int = 0,
    *,
    symmetric: bool = False,
) -> Iterator[Scheme]:
    """Walk from a scheme and yield one of every lower rank reached, the start's own first, until `target`.

    After `walking.length` flips that led to no lower rank linear dependencies are looked for, which would end a
    symmetry; the descent ends where there are none, or when `stop()`.
    """
    scheme: Scheme | None = start
    while scheme is not None:
        walker = Walker(scheme, rng, 2 * walking.climb, symmetric=symmetric)
        best, since = walker.rank, 0
        yield walker.scheme()
        while best > target and since < walking.length and not stop():
            done = walker.walk(SLICE, patience=walking.patience, ceiling=best + walking.climb, target=best - 1)
            since += done
            stop.worked()
            if walker.rank < best:
                best, since = walker.rank, 0
                yield walker.scheme()
            elif not done:
                break
        dependent = best > target and walker.rank == best and not symmetric and not stop()
        scheme = reduced(walker.scheme()) if dependent else None


def wandered(start: Scheme, rng: np.random.Generator, stop: Stop, walking: Walking) -> Scheme:
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
            stop.worked()
    return walker.scheme() if walker.rank <= rank else start
