"""Flip graphs: random walks among exact schemes over {−1, 0, 1} and over GF(2), lifted to Z or Q."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from search.exact_seeds import derivation
from search.flip_graph import MOST_ENTRIES, Nursery, Scheme, Walking, descend, lift, wandered
from search.flip_graph.explore import GROWING, LENGTH, LENGTHEN_EVERY, varied
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import Ring, TileEncoder
from stl_algebra.known_ranks import exact_rank

#: The walks at the rank asked for.
WANDERING = Walking(length=1_000_000)
#: Schemes of one rank over GF(2) that are tried for lifting, each a wander from the last.
LIFTS = 12
#: Schemes kept of each ring to go on from.
KEPT = 12

#: A scheme to walk from, the digest of the encoder it was made of, and what it is in words.
Start = tuple[Scheme, tuple[str, ...], str]


class FlipSearch:
    """Walks the flip graph of the format down to the rank, where an exact encoder of it is conceivable.

    A trial starts at a scheme grown from smaller formats, at an exact encoder known, or at a scheme an earlier
    trial ended with. Over {−1, 0, 1} a scheme of the rank is exact over Z as it stands; over GF(2) it is lifted
    to Z or Q, and others of its rank are tried where it cannot be. What holds over GF(2) alone is no candidate.
    Once the rank is reached, trials wander at it, since schemes of one rank differ in growth.
    """

    name = "flip"

    def applies(self, problem: Problem) -> bool:
        """From one below the smallest rank known up to that of the best composition, for sides of 2 and more.

        ⌈7n/2⌉ is the rank of ⟨2,2,n⟩ (Alekseyev, 1985, and others), so nothing is looked for below that.
        """
        format, composed = problem.format, derivation(problem.format).rank
        least = min(composed, exact_rank(format) or composed) - (sorted(format)[1] > 2)
        return min(format) > 1 and max(format.sizes) <= MOST_ENTRIES and least <= problem.rank <= composed

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        known = [*problem.known, derivation(problem.format).encoder]
        kept: dict[Ring, list[Start]] = {Ring.Z: [], Ring.GF2: []}
        nurseries = {ring: Nursery(ring, GROWING) for ring in kept}
        trial = 0
        while not stop():
            trial += 1
            ring = Ring.GF2 if trial % 3 == 0 else Ring.Z
            start = self._start(problem, known, kept[ring], nurseries[ring], rng, stop)
            if start is not None:
                details = {
                    "trial": trial,
                    "start": start[2],
                    "from_rank": start[0].rank,
                    "walked_over": _walked_over(ring),
                }
                for candidate in self._from(problem, start, kept[ring], details, rng, stop):
                    yield from improving.offer(candidate)
            stop.count_trial()

    def _start(
        self,
        problem: Problem,
        known: list[TileEncoder],
        kept: list[Start],
        nursery: Nursery,
        rng: np.random.Generator,
        stop: Stop,
    ) -> Start | None:
        """A scheme of the rank or more: kept, grown, or of a known encoder; None where stopped or none."""
        choice = rng.random()
        if kept and choice < 0.6:
            lowest = min(scheme.rank for scheme, _, _ in kept)
            best = [start for start in kept if start[0].rank == lowest]
            return best[int(rng.integers(len(best)))]
        if choice < 0.5 + 0.3 * bool(kept):
            scheme = nursery.start(problem.format, rng, stop)
            return None if scheme is None else (scheme, (), "grown from smaller formats")
        encoder = known[int(rng.integers(len(known)))]
        scheme = Scheme.of(encoder, nursery.ring) if encoder.rank >= problem.rank else None
        return None if scheme is None else (scheme, (encoder.digest,), "an exact encoder")

    def _from(
        self,
        problem: Problem,
        start: Start,
        kept: list[Start],
        details: dict[str, Any],
        rng: np.random.Generator,
        stop: Stop,
    ) -> Iterator[Candidate]:
        scheme, parents, words = start
        length = LENGTH * (1 + details["trial"] // LENGTHEN_EVERY)
        if scheme.rank > problem.rank:
            for lower in descend(scheme, rng, stop, varied(rng, length), problem.rank):
                scheme = lower
        else:
            scheme = wandered(scheme, rng, stop, WANDERING)
        if scheme.rank < problem.rank:
            return
        kept.insert(0, (scheme, parents, words))
        del kept[KEPT:]
        if scheme.rank > problem.rank:
            return
        encoder = self._lifted(scheme, rng, stop) if scheme.ring is Ring.GF2 else scheme.encoder
        if encoder is not None:
            yield Candidate(encoder, parents, details)

    def _lifted(self, scheme: Scheme, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
        """An encoder of a scheme's rank, from it or from ones near it: over Z, or else over Q with the least growth."""
        found: list[TileEncoder] = []
        for _ in range(LIFTS):
            if stop():
                break
            encoder = lift(scheme, rng, stop)
            if encoder is not None:
                found.append(encoder)
                if encoder.ring is Ring.Z:
                    return encoder
            near = wandered(scheme, rng, stop, WANDERING)
            if near.rank == scheme.rank:
                scheme = near
        return min(found, key=lambda encoder: encoder.growth, default=None)


def _walked_over(ring: Ring) -> str:
    return "{−1, 0, 1}" if ring is Ring.Z else "GF(2), then lifted"
