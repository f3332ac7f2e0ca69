"""The loop that all strategies share: draw a trial, give it its own generator, take in what it made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from search.ancestry import Ancestry
from search.exact_seeds import derivation
from search.strategy import Candidate, Problem, Stop, Strategy
from stl_algebra import TileEncoder

#: Seeds of trials are drawn below this: every program that reads JSON holds them exactly.
_SEEDS = 2**53


def explore(strategy: Strategy, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
    """A strategy's improving candidates until `stop()`, each with all it was made from.

    `rng` draws the trials and their seeds; what a trial does it draws from its own generator.

    >>> from search.strategies import strategy
    >>> from stl_algebra import Format
    >>> found = explore(strategy("als"), Problem(Format(2, 2, 2), 7), np.random.default_rng(0), Stop(trials=1))
    >>> next(found).recipe.kind
    'random'
    """
    explorer = strategy.explorer(problem)
    ancestry = Ancestry([*problem.known, *problem.parts])
    improving = Improving(problem)
    number = 0
    while not stop():
        before = number
        for drawn in explorer.round(rng):
            number += 1
            trial = replace(drawn, seed=int(rng.integers(_SEEDS)))
            for parent in trial.parents:
                if parent not in ancestry:
                    ancestry.add(_construction(parent))
            for made in trial.run(stop):
                candidate = replace(made, details={"trial": number, **made.details})
                ancestry.add(candidate)
                explorer.take(trial, candidate)
                # A trial of another problem, of a part, makes no results of this one.
                if not candidate.step and (trial.problem.format, trial.problem.rank) == (problem.format, problem.rank):
                    for better in improving.offer(candidate):
                        yield replace(better, ancestors=ancestry.of(better))
            if stop():
                break
        if number == before:
            return
        stop.count_trial()


class Improving:
    """Passes on only what is better than everything before it.

    >>> from stl_algebra import Format
    >>> Improving(Problem(Format(2, 2, 2), 7)).best is None
    True
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.best: TileEncoder | None = None

    def offer(self, candidate: Candidate) -> Iterator[Candidate]:
        """The candidate itself, or nothing where it does not improve."""
        encoder = candidate.encoder
        assert encoder.rank == self._problem.rank
        assert encoder.format == self._problem.format
        if self._problem.improves(encoder, self.best):
            self.best = encoder
            yield candidate


def _construction(encoder: TileEncoder) -> Candidate:
    """What was neither given nor made is the exact encoder that strategies start from unasked."""
    exact = derivation(encoder.format)
    assert encoder == exact.encoder
    return Candidate(encoder, {"derivation": str(exact)})
