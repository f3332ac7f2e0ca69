"""Deflation: from an exact encoder down, one product at a time, with a beam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from search.cp_model import CPModel
from search.exact_seeds import exact_seed
from search.finish import finish
from search.levenberg_marquardt import last, levenberg_marquardt
from search.objective import Factors
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import TileEncoder


class DeflationSearch:
    """Drops products of an encoder of higher rank and refits after each, keeping the best few.

    Starts from the construction of the format and from known encoders of higher rank, exact ones first.
    Each level scores every drop by the error left when one factor is refitted (closed form), draws among the
    cheapest and runs Levenberg–Marquardt on them.
    """

    name = "deflation"

    def __init__(self, beam: int = 2, branches: int = 3) -> None:
        self._beam, self._branches = beam, branches

    def applies(self, problem: Problem) -> bool:
        return exact_seed(problem.format).rank > problem.rank or any(e.rank > problem.rank for e in problem.known)

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        trial = 0
        while not stop():
            trial += 1
            seed = self._seed(problem, rng)
            # The first pass is greedy and quick; later ones look wider.
            beam, branches = (1, 1) if trial == 1 else (self._beam, self._branches)
            for factors in self._descend(problem, seed, rng, stop, beam, branches):
                details = {"trial": trial, "from_rank": seed.rank}
                for candidate in finish(problem, factors, rng, stop, (seed.digest,), details):
                    yield from improving.offer(candidate)
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
        self, problem: Problem, seed: TileEncoder, rng: np.random.Generator, stop: Stop, beam: int, branches: int
    ) -> Iterator[Factors]:
        model = CPModel(problem.objective())
        level: list[Factors] = [seed.factors]
        for rank in range(seed.rank - 1, problem.rank - 1, -1):
            final = rank == problem.rank
            reached: list[tuple[float, Factors]] = []
            for factors in level:
                for dropped in _drops(factors, branches, rng):
                    u, v, w = (np.delete(f, dropped, axis=0) for f in factors)
                    iterations = 150 if final else 25
                    iterate = last(levenberg_marquardt(model, (u, v, w), iterations=iterations, stop=stop))
                    u, v, w = iterate.point
                    reached.append((iterate.value, (u, v, w)))
            reached.sort(key=lambda item: item[0])
            level = [factors for _, factors in reached[:beam]]
            if stop() and not final:
                return
        yield from level


def _drops(factors: Factors, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Distinct products to drop, cheap ones likelier."""
    cost = drop_costs(factors)
    likelihood = -np.log(cost + 1e-3 * cost.max() + 1e-300) + 0.5 * rng.gumbel(size=len(cost))
    return np.argsort(-likelihood)[:count]


def drop_costs(factors: Factors) -> NDArray[np.float64]:
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
