"""Random starts and hops in turn: how the strategies that minimise from anywhere draw their trials."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from search.breathing import random_breath
from search.likeness import with_added
from search.objective import Factors
from search.strategy import Candidate, Explorer, Problem
from search.trial import Trial
from stl_algebra import TileEncoder

#: Encoders of the rank that are kept to hop from.
CAPACITY = 8


class BestOfRank:
    """The best encoders of the problem's rank, known or found since, the very best first; lookalikes are kept once.

    >>> from stl_algebra import Format, strassen
    >>> len(BestOfRank(Problem(Format(2, 2, 2), 7, known=(strassen(),))).encoders)
    1
    """

    def __init__(self, problem: Problem, capacity: int = CAPACITY) -> None:
        self._problem, self._capacity = problem, capacity
        self.encoders: list[TileEncoder] = []
        for encoder in problem.known_of_rank(problem.rank):
            self.add(encoder)

    def add(self, encoder: TileEncoder) -> None:
        """Take an encoder in, unless one that is alike and no worse is there."""
        self.encoders = with_added(self._problem, self.encoders, encoder, self._capacity)

    def draw(self, rng: np.random.Generator, scale: float = 2.0) -> TileEncoder:
        """One of them, the better the likelier."""
        return self.encoders[min(int(rng.exponential(scale)), len(self.encoders) - 1)]


class Hopping(Explorer):
    """Trials of these kinds in turn: "random" and, from one of the best encoders of the rank, "hop" and "breathe".

    While there are none of the rank, all are random. Before them come trials of the kind "polish", from so many of
    the best known encoders.
    """

    def __init__(
        self, strategy: str, problem: Problem, polished: int | None = 0, turns: tuple[str, ...] = ("random", "hop")
    ) -> None:
        self._strategy, self._problem = strategy, problem
        self._best = BestOfRank(problem)
        self._unpolished = self._best.encoders[:polished]
        self._turns = cycle(turns)

    def round(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self._unpolished:
            yield Trial(self._strategy, self._problem, "polish", (self._unpolished.pop(0),))
            return
        kind = next(self._turns)
        if kind == "random" or not self._best.encoders:
            yield Trial(self._strategy, self._problem, "random")
            return
        parent = self._best.draw(rng)
        yield Trial(self._strategy, self._problem, kind, (parent,), random_breath(rng) if kind == "breathe" else {})

    def take(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        self._best.add(candidate.encoder)


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


def with_random_products(factors: Factors, more: int, rng: np.random.Generator) -> Factors:
    """So many random products of typical size added."""
    u, v, w = (np.concatenate([f, np.sqrt(np.mean(f**2)) * rng.standard_normal((more, f.shape[1]))]) for f in factors)
    return u, v, w
