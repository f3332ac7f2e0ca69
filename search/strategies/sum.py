"""Sums: two encoders of lower rank side by side, one of them in other bases, minimised together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from search.exact.exact_seeds import derivation
from search.local.change_of_basis import in_random_bases, random_orientation
from search.local.hopping import BestOfRank
from search.local.rank_reduction import rank_reduced, settled
from search.local.refinement import refined, small_enough
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategies.deflation import DeflationSearch
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder, balance_factors

#: Encoders of each lower rank that sums are drawn from, and how much likelier the better ones are.
KEPT, SCALE = 6, 1.0
#: How often the ranks add up to more than the problem's, by up to so many products that a descent then drops.
TOO_MANY, MOST = 0.5, 4
#: Of the products, the part that chance leaves to choose each of those drops from.
CHOICE = 0.5
#: How much worse than the best of the rank a sum may be after a few iterations to be minimised.
SCREENING_MARGIN = 1.1


class SumSearch(Strategy):
    """Adds up two encoders of lower rank, one in random orthonormal bases, and minimises the whole.

    An encoder of low rank gets a part of the tensor right. In most bases another one gets a part right that is
    another one for the most, so that the sum starts near what both get right together, and minimising leads on from
    there to families that no encoder of higher rank leads down to. Encoders of ranks that none is known of are made by
    a descent each.
    """

    name = "sum"

    def applies(self, problem: Problem) -> bool:
        return 2 <= problem.rank < derivation(problem.format).rank and small_enough(problem)

    def explorer(self, problem: Problem) -> Explorer:
        return _Sums(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, worth = trial.problem, trial.options["worth"]
        one, other = trial.parents
        start = _side_by_side(problem, one, other, rng)
        details = {"ranks": [parent.rank for parent in trial.parents]}
        reached = rank_reduced(problem, start, CHOICE, rng, stop)
        for factors in settled(problem, reached, np.inf if worth is None else worth, stop):
            yield from refined(problem, factors, rng, stop, details)


class _Sums(Explorer):
    """Draws two ranks and an encoder of each, after a descent to a rank of which there is none."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._best = BestOfRank(problem, 1)
        lower = {encoder.rank for encoder in problem.known if encoder.rank < problem.rank}
        self._parts = {rank: BestOfRank(replace(problem, rank=rank), KEPT) for rank in lower}

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        problem = self._problem
        excess = int(rng.integers(1, MOST + 1)) if rng.random() < TOO_MANY else 0
        total = min(problem.rank + excess, 2 * problem.rank - 2)
        larger = int(rng.integers((total + 1) // 2, problem.rank))
        ranks = larger, total - larger
        for rank in ranks:
            if rank not in self._parts:
                part = replace(problem, rank=rank)
                self._parts[rank] = BestOfRank(part, KEPT)
                yield from DeflationSearch().explorer(part).ask(rng)
        parents = tuple(self._parts[rank].draw(rng, SCALE) for rank in ranks if self._parts[rank].encoders)
        if len(parents) < len(ranks):
            return  # there was no time for the descent
        best = self._best.encoders
        worth = SCREENING_MARGIN * problem.error(best[0]) + 1e-3 if best else None
        yield Trial(SumSearch.name, problem, "sum", parents, {"worth": worth})

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        rank = trial.problem.rank
        (self._best if rank == self._problem.rank else self._parts[rank]).add(candidate.encoder)


def _side_by_side(problem: Problem, one: TileEncoder, other: TileEncoder, rng: np.random.Generator) -> Factors:
    """The products of both, of the other one in a random orientation and random orthonormal bases."""
    moved = in_random_bases(problem.format, random_orientation(other, rng).factors, rng)
    factors = zip(balance_factors(*problem.factors(one)), balance_factors(*problem.whitened(moved)), strict=True)
    u, v, w = (np.concatenate(pair) for pair in factors)
    return u, v, w
