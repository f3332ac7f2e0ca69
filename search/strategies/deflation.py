"""Deflation: from an encoder of higher rank down, one product at a time, by many descents that chance makes differ."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.als import alternating_least_squares
from search.cp_model import CPModel
from search.exact_seeds import derivation, exact_seed
from search.finish import finish, small_enough, solve_in_stages, unknowns
from search.hopping import BestOfRank, with_random_products
from search.objective import Factors
from search.strategy import Candidate, Explorer, Problem, Stop, Strategy
from search.trial import Trial
from stl_algebra import TileEncoder, balance_factors

#: The best encoders of the rank, and of lower ones, that are regrown.
KEPT = 6
#: Of the products, the part that chance leaves to choose the drop from; in the first descent of a search all.
CHOICE = (0.25, 0.5, 0.75)
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
LIKENESS = 2e-4


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
        reached = descended(problem, start, trial.options["choice"], rng, stop)
        for factors in _settled(problem, reached, np.inf if worth is None else worth, stop):
            yield from finish(problem, factors, rng, stop, details)


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

    def round(self, rng: np.random.Generator) -> Iterator[Trial]:
        kind, seed = self._start(rng)
        choice = 1.0 if self._first else float(rng.choice(CHOICE))
        self._first = False
        best = self._best.encoders[:1]
        worth = SCREENING_MARGIN * self._problem.error(best[0]) + 1e-3 if best else None
        yield Trial(DeflationSearch.name, self._problem, kind, (seed,), {"choice": choice, "worth": worth})

    def take(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
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


def descended(problem: Problem, start: Factors, choice: float, rng: np.random.Generator, stop: Stop) -> list[Factors]:
    """The distinct points at the rank that the last step of a descent from a higher one comes to, the best first.

    `choice` is the part of the products that each drop is chosen from; none where `stop` ends it before.
    """
    points, since = [balance_factors(*start)], 0
    while (left := len(points[0][0]) - problem.rank) > 0 and not stop():
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


def _settled(problem: Problem, reached: list[Factors], worth: float, stop: Stop) -> Iterator[Factors]:
    """The minima near the points reached whose errors are near or below `worth`."""
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
        if not found or error - found[-1][0] > LIKENESS * error:
            found.append((error, point))
    return [point for _, point in found]


def _minimised(problem: Problem, factors: Factors, iterations: int, stop: Stop) -> Factors:
    u, v, w = solve_in_stages(CPModel, problem, balance_factors(*factors), stop, emphases=(1.0,), iterations=iterations)
    return u, v, w


def _regrown(problem: Problem, encoder: TileEncoder, more: int, rng: np.random.Generator) -> Factors:
    """The factors with random products added, settled by alternating least squares."""
    start = with_random_products(balance_factors(*problem.factors(encoder)), more, rng)
    return alternating_least_squares(problem.objective(), start, 4 * SWEEPS)


def drop_costs(factors: Factors) -> np.ndarray:
    """For each product, ‖R‖² added by dropping it when the factor of least cost is refitted, to first order.

    Refitting w after dropping product s of a least-squares solution adds ‖w_s‖² / (G⁻¹)_ss with
    G = uuᵀ∘vvᵀ, and cyclically; shape (r,).

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
