"""Flip graphs: random walks among exact schemes over {−1, 0, 1} and over GF(2), lifted to Z or Q."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np

from search.exact.compositions import AXES
from search.exact.exact_seeds import derivation
from search.flip_graph import MOST_ENTRIES, Scheme, Walking, block_start, descend, lift, random_blocks, wandered
from search.flip_graph.explore import GROWING, LENGTH, LENGTHEN_EVERY, varied, varied_symmetric
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import Format, Ring, TileEncoder, classical
from stl_algebra.composition import direct_sum
from stl_algebra.known_ranks import exact_rank
from stl_algebra.schemes import reorient

#: The walks at the rank asked for.
WANDERING = Walking(length=1_000_000)
#: Schemes of one rank over GF(2) that are tried for lifting, each a wander from the last.
LIFTS = 12
#: Schemes kept of each ring and format to go on from.
KEPT = 12

#: Every fourth trial walks over {−1, 0, 1}: walks over GF(2) come lower, and most of where they come is lifted.
SIGNED_EVERY = 4
#: How often a walk at a square format is a symmetric one, since these are short and few of many come very low; once
#: the rank is reached, how often it is another.
SYMMETRIC = 0.9

#: What a trial starts from, in words.
_STARTS = {
    "known": "an exact encoder",
    "kept": "a scheme of an earlier trial",
    "grown": "grown from smaller formats",
    "symmetric": "cubes of diagonal blocks, and what rotation keeps",
}


class FlipSearch(Strategy):
    """Walks the flip graph of the format down to the rank, where an exact encoder of it is conceivable.

    A trial starts at a scheme grown from smaller formats (after trials at those), at an exact encoder known, or at a
    scheme an earlier trial ended with; at a square format also at one that rotation leaves as it is, and keeps to
    such ones. Over {−1, 0, 1} a scheme of the rank is exact over Z as it stands; over GF(2)
    it is lifted to Z or Q, and others of its rank are tried where it cannot be. What holds over GF(2) alone is no
    candidate. Once the rank is reached, trials wander at it, since schemes of one rank differ in growth.
    """

    name = "flip"

    def applies(self, problem: Problem) -> bool:
        """From one below the smallest rank known up to that of the best composition, for sides of 2 and more.

        ⌈7n/2⌉ is the rank of ⟨2,2,n⟩ (Alekseyev, 1985, and others), so nothing is looked for below that.
        """
        format, composed = problem.format, derivation(problem.format).rank
        least = min(composed, exact_rank(format) or composed) - (sorted(format)[1] > 2)
        return min(format) > 1 and max(format.sizes) <= MOST_ENTRIES and least <= problem.rank <= composed

    def explorer(self, problem: Problem) -> Explorer:
        return _Walks(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, ring, scheme = trial.problem, Ring(trial.options["ring"]), _start(trial)
        symmetric = "blocks" in trial.options
        if trial.kind == "part":
            walking = varied_symmetric(rng, GROWING.length) if symmetric else GROWING
            for lower in descend(scheme, rng, stop, walking, problem.rank, symmetric=symmetric):
                scheme = lower
            yield Candidate(scheme.encoder, step=True)
            return
        over = "{−1, 0, 1}" if ring is Ring.Z else "GF(2), then lifted"
        details = {"start": _STARTS[trial.kind], "from_rank": scheme.rank, "walked_over": over}
        if scheme.rank > problem.rank:
            walking = (varied_symmetric if symmetric else varied)(rng, trial.options["length"])
            for lower in descend(scheme, rng, stop, walking, problem.rank, symmetric=symmetric):
                scheme = lower
        else:
            scheme = wandered(scheme, rng, stop, WANDERING)
        if scheme.rank > problem.rank or (scheme.rank == problem.rank and ring is Ring.GF2):
            yield Candidate(scheme.encoder, details, step=True)
        if scheme.rank == problem.rank:
            encoder = _lifted(scheme, rng, stop) if ring is Ring.GF2 else scheme.encoder
            if encoder is not None:
                yield Candidate(encoder, details)


class _Walks(Explorer):
    """The schemes of lowest rank of each ring and format met, the format's own and those that starts are grown from."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        known = [e for e in (*problem.known, derivation(problem.format).encoder) if e.rank >= problem.rank]
        self._known = {r: [e for e in known if Scheme.of(e, r) is not None] for r in (Ring.Z, Ring.GF2)}
        #: By ring and format, that of halves in ascending order.
        self._kept: dict[tuple[Ring, Format], list[TileEncoder]] = {}
        for ring in self._known:
            for part in problem.parts:
                if Scheme.of(part, ring) is not None:
                    self._keep(ring, part)
        self._rounds = 0

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        self._rounds += 1
        ring = Ring.Z if self._rounds % SIGNED_EVERY == 0 else Ring.GF2
        options = {"length": LENGTH * (1 + self._rounds // LENGTHEN_EVERY)}
        if _is_symmetric(self._problem.format, rng, reached=self._is_reached()):
            blocks = random_blocks(self._problem.format.n, self._problem.rank, rng)
            yield self._trial("symmetric", Ring.GF2, (), {"length": LENGTH, "blocks": blocks})
            return
        kept, known = self._kept.get((ring, self._problem.format), []), self._known[ring]
        choice = rng.random()
        if kept and choice < 0.6:
            yield self._trial("kept", ring, (kept[int(rng.integers(len(kept)))],), options)
        elif not known or choice < 0.5 + 0.3 * bool(kept):
            yield (yield from self._grown("grown", self._problem, ring, rng, options))
        else:
            yield self._trial("known", ring, (known[int(rng.integers(len(known)))],), options)

    def _is_reached(self) -> bool:
        """Whether a scheme of the rank is known, over either ring."""
        own = [self._kept.get((ring, self._problem.format), []) for ring in self._known]
        return any(e.rank == self._problem.rank for encoders in (*own, *self._known.values()) for e in encoders)

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        ring, encoder = Ring(trial.options["ring"]), candidate.encoder
        if ring is Ring.GF2 and not candidate.step:  # lifted
            ring = Ring.Z
        if Scheme.of(encoder, ring) is not None:
            self._keep(ring, encoder)

    def _keep(self, ring: Ring, encoder: TileEncoder) -> None:
        """Keep an encoder of the lowest rank of its format so far: of a smaller format in any order of the sides."""
        format = encoder.format
        own = format == self._problem.format
        kept = self._kept.setdefault((ring, format if own else Format(*sorted(format))), [])
        if not kept or encoder.rank < kept[0].rank:
            kept[:] = [encoder]
        elif encoder.rank == kept[0].rank:
            kept.insert(0, encoder)
            del kept[KEPT:]

    def _trial(
        self,
        kind: str,
        ring: Ring,
        parents: tuple[TileEncoder, ...],
        options: Mapping[str, Any],
        problem: Problem | None = None,
    ) -> Trial:
        return Trial(FlipSearch.name, problem or self._problem, kind, parents, {"ring": str(ring), **options})

    def _grown(
        self, kind: str, problem: Problem, ring: Ring, rng: np.random.Generator, options: Mapping[str, Any]
    ) -> Generator[Trial, None, Trial]:
        """A trial that starts at the sum of two schemes of smaller formats, after the trials that these take."""
        format = problem.format
        axes = [axis for axis in range(3) if format[axis] > 2]
        parents: list[TileEncoder] = []
        if axes:
            axis = axes[int(rng.integers(len(axes)))]
            part = 1 if rng.random() < 0.7 else int(rng.integers(1, format[axis] // 2 + 1))
            options = {**options, "axis": axis, "part": part}
            for half in _halves(format, axis, part):
                if min(half) > 1:
                    parents += [(yield from self._good(Format(*sorted(half)), ring, rng))]
        return self._trial(kind, ring, tuple(parents), options, problem)

    def _good(self, format: Format, ring: Ring, rng: np.random.Generator) -> Generator[Trial, None, TileEncoder]:
        """A scheme of low rank: a kept one of the smallest rank known, or one of those kept after one more trial."""
        kept, goal = self._kept.setdefault((ring, format), []), exact_rank(format) or 1
        if not kept or kept[0].rank > goal or (len(kept) < KEPT and rng.random() < 0.3):
            problem = Problem(format, goal)
            if ring is Ring.GF2 and _is_symmetric(format, rng, reached=False):
                # Those of the smallest rank known may be out of reach, or hard to go on from.
                blocks = random_blocks(format.n, goal + int(rng.integers(2)), rng)
                yield self._trial("part", ring, (), {"blocks": blocks}, problem)
            else:
                yield (yield from self._grown("part", problem, ring, rng, {}))
        return kept[int(rng.integers(len(kept)))]


def _is_symmetric(format: Format, rng: np.random.Generator, *, reached: bool) -> bool:
    """Whether the next walk at a format is to be a symmetric one."""
    return len(set(format)) == 1 and rng.random() < (1 - SYMMETRIC if reached else SYMMETRIC)


def _start(trial: Trial) -> Scheme:
    """The scheme a trial starts from: its parent, or the sum of its parents and of what classical algorithms give."""
    if "blocks" in trial.options:
        return block_start(trial.options["blocks"])
    format, ring = trial.problem.format, Ring(trial.options["ring"])
    if trial.kind in ("known", "kept"):
        encoder = trial.parents[0]
    elif "axis" not in trial.options:
        encoder = classical(format)
    else:
        parents, axis = iter(trial.parents), trial.options["axis"]
        # A parent over Z is read modulo 2 where the walk is over GF(2).
        halves = [
            classical(half) if min(half) == 1 else _scheme(reorient(next(parents), half), ring).encoder
            for half in _halves(format, axis, trial.options["part"])
        ]
        encoder = direct_sum(halves[0], halves[1], AXES[axis])
    return _scheme(encoder, ring)


def _scheme(encoder: TileEncoder, ring: Ring) -> Scheme:
    """The scheme of an encoder that has one: no other is drawn."""
    scheme = Scheme.of(encoder, ring)
    assert scheme is not None
    return scheme


def _halves(format: Format, axis: int, part: int) -> tuple[Format, Format]:
    """The formats of what is left, and of a part, along an axis."""
    rest, cut = (
        Format(*(size if k == axis else s for k, s in enumerate(format))) for size in (format[axis] - part, part)
    )
    return rest, cut


def _lifted(scheme: Scheme, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
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
