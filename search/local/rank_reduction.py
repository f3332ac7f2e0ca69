"""Rank reduction: products are dropped one by one where that costs least, and the rest is refitted after each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.local.refinement import small_enough, solve_in_stages, unknowns
from search.numerics.als import alternating_least_squares
from search.numerics.cp_model import CPModel
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from stl_algebra import balance_factors

#: Of so many drops left, one more is made at once before the factors are refitted.
DROPS_A_STEP = 8
#: Drops tried at every step, those of least cost to first order, and sweeps after each.
TRIED, SWEEPS = 16, 30
#: Levenberg–Marquardt iterations after every so many drops: they keep the descent near minima.
ITERATIONS, DROPS_BETWEEN = 8, 4
#: Of the last drops so many are screened by iterations, and so many of those minimised.
SCREENED, SCREENING_ITERATIONS, FINISHED = 6, 12, 3
#: Unknowns up to which iterations are made on the way.
QUICK_UNKNOWNS = 2000
#: How much worse than the best known, or the best of a descent, a result may be after screening to be minimised.
SCREENING_MARGIN = 1.03
#: Errors that differ by less than this part are those of the same minimum.
SIMILARITY = 2e-4


def rank_reduced(
    problem: Problem, start: Factors, choice: float, rng: np.random.Generator, stop: Stop
) -> list[Factors]:
    """Drop products down to the problem's rank, and return the distinct points that the last step comes to.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    start : Factors
        Factors of a higher rank, in the coordinates of the objective.
    choice : float
        The part of the products that chance leaves to choose each drop from.
    rng : numpy.random.Generator
        All chance comes from this.
    stop : Stop
        When to stop.

    Returns
    -------
    list[Factors]
        Factors of the problem's rank, best first; none if `stop` ended the reduction before.
    """
    points: list[Factors] = [balance_factors(*start)]
    since = 0
    while (left := len(points[0][0]) - problem.rank) > 0 and not stop():
        stop.worked()
        now = min(1 + left // DROPS_A_STEP, left)
        if (since := since + now) > DROPS_BETWEEN and _quick(problem, left + problem.rank):
            points[0], since = _minimised(problem, points[0], ITERATIONS, stop), 0
        points = _distinct(problem, list(_dropped(problem, points[0], now, choice, rng)))
    return points if left == 0 else []


def _dropped(
    problem: Problem, factors: Factors, number: int, choice: float, rng: np.random.Generator
) -> Iterator[Factors]:
    """The factors without each of the cheapest products, or that one and as many of the next, refitted."""
    rank, objective = len(factors[0]), problem.objective()
    left_out = rng.random(rank) >= choice
    order = np.lexsort((drop_costs(factors), left_out))  # by cost, those that chance leaves out at the end
    for place in range(0, max(min(TRIED, rank - int(left_out.sum())), 1), number):
        u, v, w = (np.delete(factor, order[place : place + number], axis=0) for factor in factors)
        yield balance_factors(*alternating_least_squares(objective, (u, v, w), SWEEPS))


def settled(problem: Problem, reached: list[Factors], worth: float, stop: Stop) -> Iterator[Factors]:
    """Yield the minima near some points.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    reached : list[Factors]
        Points of the problem's rank, best first.
    worth : float
        What is worse than this after a few iterations is not minimised.
    stop : Stop
        When to stop.

    Yields
    ------
    Factors
        A minimum, or for problems too large to minimise a settled point.
    """
    objective = problem.objective()
    if not small_enough(problem):
        yield from (alternating_least_squares(objective, one, 10 * SWEEPS) for one in reached[:1])
        return
    if not _quick(problem, problem.rank):
        yield from reached[:1]  # minimising takes minutes: this is something meanwhile
    screened = [_minimised(problem, one, SCREENING_ITERATIONS, stop) for one in reached[:SCREENED]]
    best = min((objective.error(one) for one in screened), default=np.inf)
    for one in _distinct(problem, screened)[:FINISHED]:
        if objective.error(one) <= min(worth, SCREENING_MARGIN * best) and not stop():
            yield _minimised(problem, one, 250, stop)


def _quick(problem: Problem, rank: int) -> bool:
    """Whether an iteration of Levenberg–Marquardt takes a few hundredths of a second at most."""
    return unknowns(problem.format, rank) <= QUICK_UNKNOWNS


def _distinct(problem: Problem, points: list[Factors]) -> list[Factors]:
    """The points by their errors, of those with nearly the same error one."""
    objective = problem.objective()
    found: list[tuple[float, Factors]] = []
    for error, point in sorted(((objective.error(point), point) for point in points), key=lambda one: one[0]):
        if not found or error - found[-1][0] > SIMILARITY * error:
            found.append((error, point))
    return [point for _, point in found]


def _minimised(problem: Problem, factors: Factors, iterations: int, stop: Stop) -> Factors:
    u, v, w = solve_in_stages(
        CPModel, problem, balance_factors(*factors), stop, penalty_scales=(1.0,), iterations=iterations
    )
    return u, v, w


def drop_costs(factors: Factors) -> np.ndarray:
    """Return what dropping each product adds to ‖R‖², to first order, if the factor of least cost is refitted.

    Refitting w after dropping product s of a least-squares solution adds ‖w_s‖² / (G⁻¹)_ss with
    G = uuᵀ∘vvᵀ, and cyclically.

    Parameters
    ----------
    factors : Factors
        u (r, n·m), v (r, m·p) and w (r, n·p), one row a product.

    Returns
    -------
    numpy.ndarray
        The cost of each product, (r,).

    Examples
    --------
    >>> drop_costs((np.eye(2), np.eye(2), np.diag([1.0, 3.0])))
    array([1., 9.])
    """
    grams = [f @ f.T for f in factors]
    costs = []
    for k, factor in enumerate(factors):
        gram = grams[(k + 1) % 3] * grams[(k + 2) % 3]
        inverse = np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
        costs.append(np.einsum("sa,sa->s", factor, factor) / np.maximum(np.diag(inverse), 1e-300))
    return np.min(costs, axis=0)
