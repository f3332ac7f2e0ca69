"""Deflation: from an encoder of higher rank down, one product at a time, by many descents that chance makes differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.exact.exact_seeds import derivation, exact_seed
from search.local.hopping import BestOfRank, with_random_products
from search.local.rank_reduction import SCREENING_MARGIN, SWEEPS, rank_reduced, settled
from search.local.refinement import refined
from search.numerics.als import alternating_least_squares
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder, balance_factors

#: The best encoders of the rank, and of lower ones, that are regrown.
KEPT = 6
#: Of the products, the part that chance leaves to choose the drop from; in the first descent of a search all.
CHOICE = (0.25, 0.5, 0.75)


class DeflationSearch(Strategy):
    """Drops products of an encoder of higher rank and refits after each, down to the rank.

    A descent chooses among a random part of the products the one whose drop, refitted by a few sweeps of alternating
    least squares, leaves the least, and minimises now and then by Levenberg–Marquardt. One takes about a second, so
    there are many: from the constructions of the format, from known encoders of every higher rank, and from the best
    of this rank and of lower ones regrown, with random products added.
    """

    name = "deflation"

    def applies(self, problem: Problem) -> bool:
        return derivation(problem.format).rank > problem.rank or any(e.rank > problem.rank for e in problem.known)

    def explorer(self, problem: Problem) -> Explorer:
        return _Descents(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, seed, worth = trial.problem, trial.parents[0], trial.options["worth"]
        if trial.kind == "regrown":
            more = problem.rank - seed.rank + int(rng.integers(seed.rank == problem.rank, 5))
            start = _regrown(problem, seed, more, rng)
        else:
            start = problem.factors(seed)
        details = {"start": trial.kind, "from_rank": len(start[0])}
        reached = rank_reduced(problem, start, trial.options["choice"], rng, stop)
        for factors in settled(problem, reached, np.inf if worth is None else worth, stop):
            yield from refined(problem, factors, rng, stop, details)


class _Descents(Explorer):
    """Draws the encoder of a descent and how its products are chosen from; a regrown one has random products added."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._best = BestOfRank(problem, KEPT)
        self._higher = [e for e in problem.known if e.rank > problem.rank]
        if derivation(problem.format).rank > problem.rank:
            self._higher.append(exact_seed(problem.format))
        # The best of lower ranks are what this rank must beat at least.
        self._lower = sorted((e for e in problem.known if e.rank < problem.rank), key=problem.cost)[:KEPT]
        self._first = True

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        kind, seed = self._start(rng)
        choice = 1.0 if self._first else float(rng.choice(CHOICE))
        self._first = False
        best = self._best.encoders[:1]
        worth = SCREENING_MARGIN * self._problem.error(best[0]) + 1e-3 if best else None
        yield Trial(DeflationSearch.name, self._problem, kind, (seed,), {"choice": choice, "worth": worth})

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        self._best.add(candidate.encoder)

    def _start(self, rng: np.random.Generator) -> tuple[str, TileEncoder]:
        """Where a descent starts, and how in a word."""
        best, lower, choice = self._best, self._lower, rng.random()
        if (best.encoders or lower) and (not self._higher or choice < 0.25):
            if lower and (not best.encoders or choice < 0.1):
                return "regrown", lower[min(int(rng.exponential(1.5)), len(lower) - 1)]
            return "regrown", best.draw(rng, 1.5)
        ranks = sorted({e.rank for e in self._higher})
        # The nearest ranks are the shortest way, the farther ones lead to other families.
        place = int(rng.exponential(1.5)) if choice < 0.6 else int(rng.integers(len(ranks)))
        of_rank = [e for e in self._higher if e.rank == ranks[min(place, len(ranks) - 1)]]
        seed = of_rank[int(rng.integers(len(of_rank)))]
        return ("exact" if seed.exact else "approximate"), seed


def _regrown(problem: Problem, encoder: TileEncoder, more: int, rng: np.random.Generator) -> Factors:
    """The factors with random products added, settled by alternating least squares."""
    start = with_random_products(balance_factors(*problem.factors(encoder)), more, rng)
    return alternating_least_squares(problem.objective(), start, 4 * SWEEPS)
