"""Levenberg–Marquardt from random starts, and from known encoders with products replaced."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.als import alternating_least_squares
from search.cp_model import CPModel
from search.finish import descending, finish, small_enough, solve_in_stages
from search.objective import Factors
from search.strategy import Candidate, Improving, Problem, Stop
from search.turns import turned
from stl_algebra import TileEncoder

#: Sweeps of alternating least squares that tell whether a hop is worth minimising, and how much worse it may be.
SCREENING_SWEEPS, SCREENING_MARGIN = 300, 1.1

#: How much the growth of a random start is held down in turn: long, which favours exact solutions, or hardly, which
#: favours approximate ones that growth pays for.
EMPHASES = ((1e3, 30.0, 1.0), (10.0, 1.0))
#: So many of the best known encoders of the rank are first minimised as they are; all, where there are weights.
POLISHED = 2


class LevenbergMarquardtSearch:
    """Random starts with the growth held down at first, more or less, and hops from known encoders of the rank.

    A hop replaces one to four products by random ones; hops that a few hundred sweeps of alternating least
    squares do not bring near the best are given up. Solutions of the Brent equations are rounded to exact
    encoders. Works for every format and rank of up to a few thousand unknowns.

    With weights the known encoders of the rank are minimised first, since they were found without them, and half
    of the hops turn one into other orthonormal bases instead.
    """

    name = "lm"

    def applies(self, problem: Problem) -> bool:
        return small_enough(problem)

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        population = problem.known_of_rank(problem.rank)[:8]
        # Known encoders may have been made for other weights, or another precision.
        unpolished = population[: POLISHED if problem.weights is None else None]
        trial = 0
        while not stop():
            trial += 1
            parent = None
            emphases: tuple[float, ...] = EMPHASES[int(rng.integers(len(EMPHASES)))]
            if unpolished:
                parent = unpolished.pop(0)
                start, emphases = problem.factors(parent), descending(problem, parent)
            elif population and trial % 2 == 0:
                parent = population[min(int(rng.exponential(2.0)), len(population) - 1)]
                start, emphases = _screened_hop(problem, parent, rng, stop), (1.0,)
            else:
                start = random_factors(problem, rng)
            point = solve_in_stages(CPModel, problem, start, stop, emphases=emphases)
            parents = (parent.digest,) if parent else ()
            for candidate in finish(problem, point, rng, stop, parents, {"trial": trial, "hop": parent is not None}):
                population = sorted([*population, candidate.encoder], key=problem.cost)[:8]
                yield from improving.offer(candidate)
            stop.count_trial()


def _screened_hop(problem: Problem, parent: TileEncoder, rng: np.random.Generator, stop: Stop) -> Factors:
    """The first of up to twenty hops that comes near the parent's value, or the best of them."""
    objective = problem.objective()
    factors = problem.factors(parent)
    wanted = SCREENING_MARGIN * objective.value(factors) + 1e-3
    best, best_value = factors, np.inf
    turns = problem.weights is not None and rng.random() < 0.5
    for _ in range(20):
        moved = problem.whitened(turned(problem.format, parent.factors, rng)) if turns else hopped_factors(factors, rng)
        hopped = alternating_least_squares(objective, moved, SCREENING_SWEEPS)
        value = objective.value(hopped)
        if value < best_value:
            best, best_value = hopped, value
        if value < wanted or stop():
            break
    return best


def random_factors(problem: Problem, rng: np.random.Generator) -> Factors:
    """Gaussian factors scaled so that the first residual is comparable to T."""
    u, v, w = (rng.standard_normal((problem.rank, size)) for size in problem.format.sizes)
    scale = (problem.format.products / (problem.rank * u.shape[1] * v.shape[1] * w.shape[1])) ** (1 / 6)
    return u * scale, v * scale, w * scale


def hopped_factors(factors: Factors, rng: np.random.Generator) -> Factors:
    """One to four products replaced by random ones of typical size."""
    u, v, w = (factor.copy() for factor in factors)
    replaced = rng.choice(len(u), size=min(len(u), int(rng.integers(1, 5))), replace=False)
    for factor in (u, v, w):
        typical = np.sqrt(np.mean(factor**2))
        factor[replaced] = typical * rng.standard_normal((len(replaced), factor.shape[1]))
    return u, v, w
