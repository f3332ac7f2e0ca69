"""Basin hopping: chains of many quick hops, from random starts, known encoders and those of neighbouring ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.exact.exact_seeds import derivation, exact_seed
from search.local.hopping import BestOfRank, hopped_factors, random_factors, with_random_products
from search.local.refinement import refined, small_enough, unknowns
from search.numerics.als import alternating_least_squares
from search.numerics.cp_model import CPModel
from search.numerics.levenberg_marquardt import last, levenberg_marquardt
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder, balance_factors

#: Hops of a trial, few enough for several trials in a slice of a sweep (half a second each at ⟨4,4,4⟩:40); a chain is
#: given up after so many trials without gain, and less of a gain than this part of the error is none.
HOPS, PATIENCE, GAIN = 8, 8, 1e-4
#: Those of a trial whose recipe does not say.
UNSAID = 20
#: Stages of Levenberg–Marquardt: (penalty scale, iterations, tolerance). SETTLED leads to a minimum. A start takes all
#: stages, an encoder of the rank that one alone, and a chain that goes on none.
SETTLED = (1.0, 150, 1e-3)
START = ((100.0, 60, 3e-3), (10.0, 60, 3e-3), SETTLED)
AT_RANK = {"here": (SETTLED,), "on": ()}
#: A hop has to be cheap, since a few in a thousand gain anything. At most SCREENED hops are tried, until sweeps of
#: alternating least squares, (penalty scale, sweeps), bring one within SCREENING_MARGIN of where the chain stands. The
#: growth is held down at first, to find a basin.
SCREENED, SCREENING_MARGIN = 40, 0.05
SCREENING = ((30.0, 200), (1.0, 300))
#: That one is minimised a little.
HOP = (1.0, 50, 5e-3)
#: What comes within this part of where the chain stands is minimised further, and taken where it is worse by less than
#: a random part of the second.
NEAR, WORSE = 0.02, 0.004
#: How often a chain starts at random and at the rank itself; else at a neighbouring rank, the nearer the likelier.
RANDOM, HERE = 0.25, 0.35
#: So many of the best known encoders of the rank, and of others, are started from.
KEPT = 6
#: The largest linear system of a hop.
LARGEST = 2500


class HopSearch(Strategy):
    """Replaces one to four products, minimises a little, and goes on from what is no worse, many times over.

    What decides is the number of hops. A chain starts at random, at one of the best encoders of the rank, or at one of
    another rank, with products left out or added at random; a trial is some hops of it, and the next goes on from
    where they end.

    Source: Wales, Doye, Global optimization by basin-hopping, 1997.
    """

    name = "hop"

    def applies(self, problem: Problem) -> bool:
        return small_enough(problem) and unknowns(problem.format, problem.rank) <= LARGEST

    def explorer(self, problem: Problem) -> Explorer:
        return _Chains(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, objective = trial.problem, trial.problem.objective()
        here = _start(trial, rng)
        for stage in AT_RANK.get(trial.kind, START):
            here = _minimised(problem, here, stage, stop)
        best, value = here, objective.value(here)
        least = value
        for _ in range(trial.options.get("hops", UNSAID)):
            if stop():
                break
            stop.worked()
            tried = _minimised(problem, _screened_hop(problem, here, value, rng, stop), HOP, stop)
            if objective.value(tried) < (1 + NEAR) * value:
                tried = _minimised(problem, tried, SETTLED, stop)
            found = objective.value(tried)
            if found < (1 + WORSE * rng.random()) * value:
                here, value = tried, found
                if value < least:
                    best, least = here, value
        details = {"start": trial.kind}
        yield from refined(problem, best, rng, stop, details)
        yield Candidate(problem.encoder(here), details, step=True)


class _Chains(Explorer):
    """Goes on with a chain while it gains, and draws where another starts: at random, at the rank, or at another."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._best = BestOfRank(problem, KEPT)
        others = [e for e in problem.known if e.rank != problem.rank]
        if derivation(problem.format).rank > problem.rank:
            others.append(exact_seed(problem.format))
        ranks = sorted({e.rank for e in others}, key=lambda rank: abs(rank - problem.rank))
        self._others = [sorted((e for e in others if e.rank == rank), key=problem.cost)[:KEPT] for rank in ranks]
        #: Where the chain stands, its least cost, and its trials since that was reached.
        self._here: TileEncoder | None = None
        self._least, self._since = np.inf, 0

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        self._since += 1
        if self._here is not None and self._since <= PATIENCE:
            yield self._trial("on", self._here)
            return
        self._least, self._since = np.inf, 0
        choice = rng.random()
        if choice < HERE and self._best.encoders:
            yield self._trial("here", self._best.draw(rng))
        elif choice < 1 - RANDOM and self._others:
            of_rank = self._others[min(int(rng.exponential(2.0)), len(self._others) - 1)]
            parent = of_rank[int(rng.integers(len(of_rank)))]
            yield self._trial("above" if parent.rank > self._problem.rank else "below", parent)
        else:
            yield self._trial("random")

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        if candidate.step:
            self._here = candidate.encoder
            return
        self._best.add(candidate.encoder)
        cost = self._problem.cost(candidate.encoder)
        if cost < self._least - GAIN * abs(cost):
            self._least, self._since = cost, 0

    def _trial(self, kind: str, *parents: TileEncoder) -> Trial:
        return Trial(HopSearch.name, self._problem, kind, parents, {"hops": HOPS})


def _start(trial: Trial, rng: np.random.Generator) -> Factors:
    problem = trial.problem
    if trial.kind == "random":
        return random_factors(problem, rng)
    factors = balance_factors(*problem.factors(trial.parents[0]))
    rank = len(factors[0])
    if rank <= problem.rank:
        return with_random_products(factors, problem.rank - rank, rng)
    kept = np.sort(rng.permutation(rank)[: problem.rank])
    u, v, w = (factor[kept] for factor in factors)
    return u, v, w


def _screened_hop(problem: Problem, here: Factors, value: float, rng: np.random.Generator, stop: Stop) -> Factors:
    """The first hop that sweeps bring near the value where the chain stands, or the last one tried."""
    objective, tried = problem.objective(), here
    for _ in range(SCREENED):
        tried = hopped_factors(here, rng)
        for penalty_scale, sweeps in SCREENING:
            tried = alternating_least_squares(problem.objective(penalty_scale), tried, sweeps)
        stop.worked()
        if objective.value(tried) < (1 + SCREENING_MARGIN) * value or stop():
            break
    return tried


def _minimised(problem: Problem, factors: Factors, stage: tuple[float, int, float], stop: Stop) -> Factors:
    penalty_scale, iterations, tolerance = stage
    model = CPModel(problem.objective(penalty_scale))
    iterates = levenberg_marquardt(model, factors, iterations=iterations, tolerance=tolerance, stop=stop)
    u, v, w = last(iterates).point
    return u, v, w
