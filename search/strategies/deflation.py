"""Deflation: from an encoder of higher rank down, one product at a time, with a beam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.als import alternating_least_squares
from search.cp_model import CPModel
from search.exact_seeds import derivation, exact_seed
from search.finish import finish, small_enough, solve_in_stages
from search.objective import Factors, Objective
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import TileEncoder, balance_factors

#: Sweeps of alternating least squares after a drop: enough to rank the drops.
SWEEPS = 30


#: Sweeps, and how much worse than the best a result may then be, for it to be minimised further.
SCREENING_SWEEPS, SCREENING_MARGIN = 300, 1.04


class DeflationSearch:
    """Drops products of an encoder of higher rank and refits after each, keeping the best few.

    Starts from the construction of the format, from known encoders of higher rank, and from the best of this
    rank and of lower ones regrown: with random products added. Each level tries many drops with a few sweeps of
    alternating least squares; what then comes near the best is minimised by Levenberg–Marquardt. The first pass
    is greedy, later ones keep a beam and let chance into its choice.
    """

    name = "deflation"

    def __init__(self, beam: int = 3, branches: int = 24) -> None:
        self._beam, self._branches = beam, branches

    def applies(self, problem: Problem) -> bool:
        return derivation(problem.format).rank > problem.rank or any(e.rank > problem.rank for e in problem.known)

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        population = problem.known_of_rank(problem.rank)[:6]
        objective = problem.objective()
        trial = 0
        while not stop():
            trial += 1
            seed, start, kind = self._start(problem, population, rng)
            beam = 1 if trial == 1 else self._beam
            worth = SCREENING_MARGIN * problem.error(population[0]) if population else np.inf
            details = {"trial": trial, "start": kind, "from_rank": len(start[0])}
            for dropped in self._descend(problem, start, rng, stop, beam):
                factors = alternating_least_squares(objective, dropped, SCREENING_SWEEPS)
                if stop() or objective.error(factors) > worth + 1e-3:
                    continue
                if small_enough(problem):
                    point = solve_in_stages(CPModel, problem, factors, stop, emphases=(1.0,), iterations=150)
                else:
                    point = alternating_least_squares(objective, factors, SCREENING_SWEEPS)
                for candidate in finish(problem, point, rng, stop, (seed.digest,), details):
                    population = sorted([*population, candidate.encoder], key=problem.cost)[:6]
                    yield from improving.offer(candidate)
            stop.count_trial()

    def _start(
        self, problem: Problem, population: list[TileEncoder], rng: np.random.Generator
    ) -> tuple[TileEncoder, Factors, str]:
        """Where a trial starts: the encoder, its factors (regrown ones have more products), and how in words."""
        higher = [e for e in problem.known if e.rank > problem.rank]
        if derivation(problem.format).rank > problem.rank:
            higher.append(exact_seed(problem.format))
        exact = [e for e in higher if e.ring.is_exact_for_reals]
        lower = [e for e in problem.known if e.rank < problem.rank]
        choice = rng.random()
        if (population or lower) and (not higher or choice < 0.4):
            # The best of lower ranks are what this rank must beat at least.
            pool = sorted(lower, key=problem.cost)[:6] if lower and (not population or choice < 0.15) else population
            seed = pool[min(int(rng.exponential(1.5)), len(pool) - 1)]
            more = problem.rank - seed.rank + int(rng.integers(seed.rank == problem.rank, 5))
            return seed, _regrown(problem, seed, more, rng), "regrown"
        if exact and choice < 0.7:
            seed = exact[int(rng.integers(len(exact)))]
        else:
            seed = higher[int(rng.integers(len(higher)))]
        return seed, problem.factors(seed), "exact" if seed.exact else "approximate"

    def _descend(
        self, problem: Problem, start: Factors, rng: np.random.Generator, stop: Stop, beam: int
    ) -> list[Factors]:
        objective = problem.objective()
        level: list[Factors] = [start]
        for rank in range(len(start[0]), problem.rank, -1):
            reached: list[tuple[float, Factors]] = []
            for factors in level:
                drops = np.argsort(drop_costs(factors))[: 3 * self._branches]
                for product in rng.permutation(drops)[: self._branches]:
                    if stop():
                        return []
                    reached.append(_refitted(objective, factors, int(product)))
            # Values that differ by a few per cent are as good: chance decides between them.
            noise = 0.02 * rng.standard_normal(len(reached)) * (rank > problem.rank + 1)
            order = np.argsort([value * (1 + e) for (value, _), e in zip(reached, noise, strict=True)])
            level = [reached[int(k)][1] for k in order[:beam]]
        return level


def _regrown(problem: Problem, encoder: TileEncoder, more: int, rng: np.random.Generator) -> Factors:
    """The factors with random products added, settled by alternating least squares."""
    u, v, w = (
        np.concatenate([f, np.sqrt(np.mean(f**2)) * rng.standard_normal((more, f.shape[1]))])
        for f in balance_factors(*problem.factors(encoder))
    )
    return alternating_least_squares(problem.objective(), (u, v, w), 4 * SWEEPS)


def _refitted(objective: Objective, factors: Factors, product: int) -> tuple[float, Factors]:
    u, v, w = (np.delete(f, product, axis=0) for f in factors)
    refitted = alternating_least_squares(objective, balance_factors(u, v, w), SWEEPS)
    return objective.value(refitted), refitted


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
