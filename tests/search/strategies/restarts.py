"""A strategy of someone else's, in a module of its own: what the docstring of Strategy shows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.local.hopping import random_factors
from search.numerics.als import alternating_least_squares
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder


class Restarts(Strategy):
    """Random starts, and the best so far with noise added, settled by alternating least squares."""

    name = "fresh"

    def applies(self, problem: Problem) -> bool:  # noqa: ARG002
        return True

    def explorer(self, problem: Problem) -> Explorer:
        return RestartsExplorer(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem = trial.problem
        if trial.kind == "noise":
            noise = trial.options["noise"]
            u, v, w = (f + noise * rng.standard_normal(f.shape) for f in problem.factors(trial.parents[0]))
            factors = u, v, w
        else:
            factors = random_factors(problem, rng)
        for _ in range(20):
            if stop():
                break
            factors = alternating_least_squares(problem.objective(), factors, 50)
            stop.worked()
        yield Candidate(problem.encoder(factors), {"start": trial.kind})


class RestartsExplorer(Explorer):
    """Keeps the best encoder."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: TileEncoder | None = None

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self.best is None or rng.random() < 0.5:
            yield Trial("fresh", self.problem, "random")
        else:
            yield Trial("fresh", self.problem, "noise", (self.best,), {"noise": 0.1})

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        if self.problem.improves(candidate.encoder, self.best):
            self.best = candidate.encoder


class Nameless(Restarts):
    """A strategy whose name is no word."""

    name = "no name"


class Impostor(Restarts):
    """A strategy that takes the name of another."""

    name = "lm"


class Half(Strategy):
    """A strategy without trials."""

    name = "half"

    def applies(self, problem: Problem) -> bool:  # noqa: ARG002
        return True
