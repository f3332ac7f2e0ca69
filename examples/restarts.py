"""A search strategy of one's own: random starts, and the best so far with noise, by alternating least squares.

stl-search --tile 3 --rank 20 --strategy examples.restarts:Restarts
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search import Candidate, Explorer, Problem, Stop, Strategy, Trial
from search.local.hopping import random_factors
from search.numerics.als import alternating_least_squares
from strassen_tile import TileEncoder


class Restarts(Strategy):
    name = "restarts"

    def applies(self, problem: Problem) -> bool:  # noqa: ARG002
        return True

    def explorer(self, problem: Problem) -> Explorer:
        return RestartsExplorer(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, noise = trial.problem, trial.options.get("noise")
        factors = problem.factors(trial.parents[0]) if trial.parents else random_factors(problem, rng)
        if noise is not None:
            u, v, w = (factor + noise * rng.standard_normal(factor.shape) for factor in factors)
            factors = u, v, w
        for _ in range(20):
            if stop():
                break
            factors = alternating_least_squares(problem.objective(), factors, 50)
            stop.worked()
        yield Candidate(problem.encoder(factors), {"start": trial.kind})


class RestartsExplorer(Explorer):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: TileEncoder | None = None

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self.best is None or rng.random() < 0.5:
            yield Trial("restarts", self.problem, "random")
        else:
            yield Trial("restarts", self.problem, "noise", (self.best,), {"noise": 0.1})

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        if self.problem.improves(candidate.encoder, self.best):
            self.best = candidate.encoder
