"""Alternating least squares alone: random starts and hops, thousands of cheap sweeps each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.local.hopping import Hopping, hopped_factors, random_factors
from search.local.refinement import refined
from search.numerics.als import alternating_least_squares
from search.numerics.objective import Factors, Objective
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial

#: Growth is held down by these factors in turn, from random starts; hops begin with the last.
PENALTY_SCALES = (100.0, 10.0, 1.0)
#: Sweeps between looks at the clock and at the progress, and the most of them in one stage.
BATCH, BATCHES = 250, 40
#: A stage ends where a batch gains less than this part of the objective.
TOLERANCE = 3e-4


class AlternatingSearch(Strategy):
    """Random starts and hops minimised by alternating least squares, without any second-order step.

    A hop replaces one to four products of a known encoder of the rank, or of one found before, by random ones. The
    cheapest of the strategies by far, and the first to stall: near the exact ranks it lags behind
    Levenberg–Marquardt, at low ranks and for large formats, whose normal equations are large, it holds its own.

    Source: Carroll, Chang, 1970; Harshman, 1970; Smirnov, The bilinear complexity and practical algorithms for
    matrix multiplication, 2013 (regularised ALS for this tensor).
    """

    name = "als"

    def applies(self, problem: Problem) -> bool:  # noqa: ARG002
        return True

    def explorer(self, problem: Problem) -> Explorer:
        return Hopping(self.name, problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, hop = trial.problem, trial.kind == "hop"
        factors = hopped_factors(problem.factors(trial.parents[0]), rng) if hop else random_factors(problem, rng)
        for penalty_scale in PENALTY_SCALES[-1:] if hop else PENALTY_SCALES:
            factors = _settled(problem.objective(penalty_scale), factors, stop)
        yield from refined(problem, factors, rng, stop, {"hop": hop})


def _settled(objective: Objective, factors: Factors, stop: Stop) -> Factors:
    """The factors after as many sweeps as still gain something."""
    value = objective.value(factors)
    for _ in range(BATCHES):
        if stop():
            break
        factors = alternating_least_squares(objective, factors, BATCH)
        stop.worked()
        before, value = value, objective.value(factors)
        if before - value < TOLERANCE * value:
            break
    return factors
