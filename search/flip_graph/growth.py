"""Growing schemes: good ones of smaller formats put together, with a walk at every format on the way."""

from __future__ import annotations

import numpy as np

from search.flip_graph.scheme import Scheme
from search.flip_graph.walker import Walking, descend
from search.stop import Stop
from stl_algebra import Format, Ring, classical
from stl_algebra.composition import direct_sum
from stl_algebra.known_ranks import exact_rank
from stl_algebra.schemes import reorient

#: Schemes of the lowest rank kept of a format.
KEPT = 12


class Nursery:
    """The schemes of lowest rank that walks over one ring have met, by format (dimensions in ascending order).

    A start for a format is the direct sum of two schemes of smaller ones, most often of one with a side less by
    one and the classical algorithm for the row or column left. Walks from such starts go far deeper than walks
    from the classical algorithm of the whole format.

    >>> nursery = Nursery(Ring.Z, Walking(length=10_000))
    >>> nursery.start(Format(2, 3, 2), np.random.default_rng(0), Stop()).rank
    11

    Sources: Arai, Ichikawa, Hukushima, Adaptive flip graph algorithm for matrix multiplication, 2024 (one more
    column at a time); Kauers, Wood, Exploring the meta flip graph for matrix multiplication, 2025.
    """

    def __init__(self, ring: Ring, walking: Walking) -> None:
        self.ring, self._walking = ring, walking
        self._kept: dict[Format, list[Scheme]] = {}

    def add(self, scheme: Scheme) -> None:
        """Keep a scheme of the lowest rank of its format so far."""
        scheme = _turned(scheme, Format(*sorted(scheme.format)))
        kept = self._kept.setdefault(scheme.format, [])
        if not kept or scheme.rank < kept[0].rank:
            kept[:] = [scheme]
        elif scheme.rank == kept[0].rank:
            kept.insert(0, scheme)
            del kept[KEPT:]

    def start(self, format: Format, rng: np.random.Generator, stop: Stop) -> Scheme | None:
        """A scheme of the format to walk from; those it is put together from are walked down first, each until
        the smallest rank the literature knows or until the walk gains nothing. None where `stop()` came first."""
        axes = [axis for axis in range(3) if format[axis] > 2]
        if not axes:
            return _classical(format, self.ring)
        axis = axes[int(rng.integers(len(axes)))]
        part = 1 if rng.random() < 0.7 else int(rng.integers(1, format[axis] // 2 + 1))
        halves = []
        for size in (format[axis] - part, part):
            half = self._good(Format(*(size if k == axis else s for k, s in enumerate(format))), rng, stop)
            if half is None:
                return None
            halves.append(half.encoder)
        return Scheme.of(direct_sum(halves[0], halves[1], "nmp"[axis]), self.ring)  # type: ignore[arg-type]

    def _good(self, format: Format, rng: np.random.Generator, stop: Stop) -> Scheme | None:
        """A scheme of low rank: a kept one of the smallest rank known, or what a new walk and the kept ones hold."""
        if min(format) == 1:
            return _classical(format, self.ring)
        key = Format(*sorted(format))
        kept, goal = self._kept.get(key, []), exact_rank(format) or 0
        if not kept or kept[0].rank > goal or (len(kept) < KEPT and rng.random() < 0.3):
            scheme = self.start(format, rng, stop)
            if scheme is None:
                return None
            for lower in descend(scheme, rng, stop, self._walking, goal):
                scheme = lower
            if stop():
                return None
            self.add(scheme)
            kept = self._kept[key]
        return _turned(kept[int(rng.integers(len(kept)))], format)


def _turned(scheme: Scheme, format: Format) -> Scheme:
    turned = Scheme.of(reorient(scheme.encoder, format), scheme.ring)
    assert turned is not None
    return turned


def _classical(format: Format, ring: Ring) -> Scheme:
    scheme = Scheme.of(classical(format), ring)
    assert scheme is not None
    return scheme
