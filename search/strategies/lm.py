"""Levenberg–Marquardt from random starts, and from known encoders, with products replaced or growth held down again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.local.change_of_basis import in_random_bases
from search.local.growth_annealing import anneal_growth
from search.local.hopping import Hopping, hopped_factors, random_factors
from search.local.refinement import penalty_scales_from, refined, small_enough, solve_in_stages
from search.numerics.als import alternating_least_squares
from search.numerics.cp_model import CPModel
from search.numerics.levenberg_marquardt import Point
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder

#: Sweeps of alternating least squares that tell whether a hop is worth minimising, and how much worse it may be.
SCREENING_SWEEPS, SCREENING_MARGIN = 300, 1.1

#: How much the growth of a random start is held down in turn: long, which favours exact solutions, or hardly, which
#: favours approximate ones that growth pays for.
PENALTY_SCALES = ((1e3, 30.0, 1.0), (10.0, 1.0))
#: Kinds of trials in turn. Growth annealing costs least and gains most often, so each slice of a search begins with it.
KINDS = ("breathe", "random", "hop", "random")
#: So many of the best known encoders of the rank are first minimised as they are; all, where there are weights.
POLISHED = 2


class LevenbergMarquardtSearch(Strategy):
    """Random starts with the growth held down at first, more or less, and moves from known encoders of the rank.

    A hop replaces one to four products by random ones; hops that a few hundred sweeps of alternating least
    squares do not bring near the best are given up. A breath holds the growth down again. Solutions of the Brent
    equations are rounded to exact encoders. Works for every format and rank of up to a few thousand unknowns.

    With weights the known encoders of the rank are minimised first, since they were found without them, and half
    of the hops turn one into other orthonormal bases instead.
    """

    name = "lm"

    def applies(self, problem: Problem) -> bool:
        return small_enough(problem)

    def explorer(self, problem: Problem) -> Explorer:
        # Known encoders may have been made for other weights, or another precision.
        return Hopping(self.name, problem, POLISHED if problem.weights is None else None, KINDS)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        point = _point(trial, rng, stop)
        yield from refined(trial.problem, point, rng, stop, {"hop": bool(trial.parents), "move": trial.kind})


def _point(trial: Trial, rng: np.random.Generator, stop: Stop) -> Point:
    """Where a trial of each kind leads."""
    problem = trial.problem
    penalty_scales: tuple[float, ...] = PENALTY_SCALES[int(rng.integers(len(PENALTY_SCALES)))]
    if trial.kind == "random":
        start = random_factors(problem, rng)
    elif trial.kind == "polish":
        start, penalty_scales = problem.factors(trial.parents[0]), penalty_scales_from(problem, trial.parents[0])
    elif trial.kind == "breathe":
        return anneal_growth(problem, trial.parents[0], trial.options, rng, stop)
    else:
        start, penalty_scales = _screened_hop(problem, trial.parents[0], rng, stop), (1.0,)
    return solve_in_stages(CPModel, problem, start, stop, penalty_scales=penalty_scales)


def _screened_hop(problem: Problem, parent: TileEncoder, rng: np.random.Generator, stop: Stop) -> Factors:
    """The first of up to twenty hops that comes near the parent's value, or the best of them."""
    objective = problem.objective()
    factors = problem.factors(parent)
    wanted = SCREENING_MARGIN * objective.value(factors) + 1e-3
    best, best_value = factors, np.inf
    turns = problem.weights is not None and rng.random() < 0.5
    for _ in range(20):
        moved = (
            problem.whitened(in_random_bases(problem.format, parent.factors, rng))
            if turns
            else hopped_factors(factors, rng)
        )
        hopped = alternating_least_squares(objective, moved, SCREENING_SWEEPS)
        stop.worked()
        value = objective.value(hopped)
        if value < best_value:
            best, best_value = hopped, value
        if value < wanted or stop():
            break
    return best
