"""Deflation: from an encoder of higher rank down, one product at a time, with a beam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.als import alternating_least_squares
from search.cp_model import CPModel
from search.exact_seeds import derivation, exact_seed
from search.finish import finish, solve_in_stages
from search.objective import Factors, Objective
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import TileEncoder, balance_factors

#: Sweeps of alternating least squares after a drop: enough to rank the drops.
SWEEPS = 30


class DeflationSearch:
    """Drops products of an encoder of higher rank and refits after each, keeping the best few.

    Starts from the construction of the format and from known encoders of higher rank, exact ones half of the
    time. Each level tries many drops with a few sweeps of alternating least squares; the survivors of the last
    level are minimised by Levenberg–Marquardt. The first pass is greedy, later ones keep a beam and let
    chance into its choice.
    """

    name = "deflation"

    def __init__(self, beam: int = 3, branches: int = 24) -> None:
        self._beam, self._branches = beam, branches

    def applies(self, problem: Problem) -> bool:
        return derivation(problem.format).rank > problem.rank or any(e.rank > problem.rank for e in problem.known)

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        trial = 0
        while not stop():
            trial += 1
            seed = self._seed(problem, rng)
            beam = 1 if trial == 1 else self._beam
            for factors in self._descend(problem, seed, rng, stop, beam):
                point = solve_in_stages(CPModel, problem, factors, stop, emphases=(1.0,), iterations=150)
                details = {"trial": trial, "from_rank": seed.rank}
                for candidate in finish(problem, point, rng, stop, (seed.digest,), details):
                    yield from improving.offer(candidate)
                if stop():
                    break
            stop.count_trial()

    def _seed(self, problem: Problem, rng: np.random.Generator) -> TileEncoder:
        seeds = [e for e in problem.known if e.rank > problem.rank]
        construction = exact_seed(problem.format)
        if construction.rank > problem.rank:
            seeds.append(construction)
        exact = [e for e in seeds if e.ring.is_exact_for_reals]
        pool = exact if exact and (len(exact) == len(seeds) or rng.random() < 0.5) else seeds
        return pool[int(rng.integers(len(pool)))]

    def _descend(
        self, problem: Problem, seed: TileEncoder, rng: np.random.Generator, stop: Stop, beam: int
    ) -> list[Factors]:
        objective = problem.objective()
        level: list[Factors] = [seed.factors]
        for rank in range(seed.rank, problem.rank, -1):
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
