"""Random starts and hops in turn: how strategies that minimise from anywhere draw their trials."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from search.local.growth_annealing import random_growth_annealing
from search.local.similarity import with_added
from search.numerics.objective import Factors
from search.problem import Problem
from search.strategy import Explorer
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder

#: Encoders of the rank that are kept to hop from.
CAPACITY = 8


class BestOfRank:
    """The best encoders of the problem's rank, known or found since, best first; of similar ones only the best is kept.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    capacity : int
        How many are kept.

    Examples
    --------
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
        """Take an encoder in, unless one that is similar and no worse is there.

        Parameters
        ----------
        encoder : TileEncoder
            An encoder of the problem's rank.
        """
        self.encoders = with_added(self._problem, self.encoders, encoder, self._capacity)

    def draw(self, rng: np.random.Generator, scale: float = 2.0) -> TileEncoder:
        """Return one of the encoders, the better the likelier.

        Parameters
        ----------
        rng : numpy.random.Generator
            All chance comes from this.
        scale : float
            An encoder `scale` places down is e times less likely.

        Returns
        -------
        TileEncoder
            One of them.
        """
        return self.encoders[min(int(rng.exponential(scale)), len(self.encoders) - 1)]


class Hopping(Explorer):
    """Trials of some kinds in turn: "random" and, from one of the best encoders of the rank, "hop" and "breathe".

    The kind "breathe" anneals the growth. While no encoder of the rank is known, all trials are random. Before them
    come trials of the kind "polish", from the best known encoders.

    Parameters
    ----------
    strategy : str
        The name of the strategy.
    problem : Problem
        What is searched for.
    polished : int, optional
        How many of the best known encoders are polished; None: all.
    kinds : tuple[str, ...]
        The kinds in turn.
    """

    def __init__(
        self, strategy: str, problem: Problem, polished: int | None = 0, kinds: tuple[str, ...] = ("random", "hop")
    ) -> None:
        self._strategy, self._problem = strategy, problem
        self._best = BestOfRank(problem)
        self._unpolished = self._best.encoders[:polished]
        self._kinds = cycle(kinds)

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self._unpolished:
            yield Trial(self._strategy, self._problem, "polish", (self._unpolished.pop(0),))
            return
        kind = next(self._kinds)
        if kind == "random" or not self._best.encoders:
            yield Trial(self._strategy, self._problem, "random")
            return
        parent = self._best.draw(rng)
        yield Trial(
            self._strategy, self._problem, kind, (parent,), random_growth_annealing(rng) if kind == "breathe" else {}
        )

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        self._best.add(candidate.encoder)


def random_factors(problem: Problem, rng: np.random.Generator) -> Factors:
    """Return Gaussian factors, scaled so that the first residual is comparable to the tensor.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    rng : numpy.random.Generator
        All chance comes from this.

    Returns
    -------
    Factors
        u (r, n·m), v (r, m·p) and w (r, n·p) of the problem's rank r.
    """
    u, v, w = (rng.standard_normal((problem.rank, size)) for size in problem.format.sizes)
    scale = (problem.format.products / (problem.rank * u.shape[1] * v.shape[1] * w.shape[1])) ** (1 / 6)
    return u * scale, v * scale, w * scale


def hopped_factors(factors: Factors, rng: np.random.Generator) -> Factors:
    """Return the factors with one to four products replaced by random ones of typical size.

    Parameters
    ----------
    factors : Factors
        u (r, n·m), v (r, m·p) and w (r, n·p), one row a product.
    rng : numpy.random.Generator
        All chance comes from this.

    Returns
    -------
    Factors
        New factors of the same rank.
    """
    u, v, w = (factor.copy() for factor in factors)
    replaced = rng.choice(len(u), size=min(len(u), int(rng.integers(1, 5))), replace=False)
    for factor in (u, v, w):
        typical = np.sqrt(np.mean(factor**2))
        factor[replaced] = typical * rng.standard_normal((len(replaced), factor.shape[1]))
    return u, v, w


def with_random_products(factors: Factors, more: int, rng: np.random.Generator) -> Factors:
    """Return the factors with random products of typical size added.

    Parameters
    ----------
    factors : Factors
        u (r, n·m), v (r, m·p) and w (r, n·p), one row a product.
    more : int
        How many products are added.
    rng : numpy.random.Generator
        All chance comes from this.

    Returns
    -------
    Factors
        Factors of rank r + more.
    """
    u, v, w = (np.concatenate([f, np.sqrt(np.mean(f**2)) * rng.standard_normal((more, f.shape[1]))]) for f in factors)
    return u, v, w
