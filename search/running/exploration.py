"""The loop that all strategies share: draw a trial, run it on a generator of its own, take in what it made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from search.exact.exact_seeds import derivation
from search.problem import Problem
from search.running.ancestry import Ancestry
from search.running.environment import environment
from search.running.one_thread import one_thread
from search.stop import Stop
from search.strategies import strategy
from search.strategy import Strategy
from search.trial import Candidate, Recipe, Trial
from stl_algebra import TileEncoder

#: Seeds of trials are drawn below this: every program that reads JSON holds them exactly.
_SEEDS = 2**53
#: Within a step of work, this many questions whether to stop have the answer of the first.
PATIENT = 16


def explore(strategy: Strategy, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
    """Search with one strategy and yield what improves, each candidate with all it was made from.

    Parameters
    ----------
    strategy : Strategy
        The strategy that draws and runs the trials.
    problem : Problem
        What is searched for.
    rng : numpy.random.Generator
        Draws the trials and their seeds. Each trial has a generator of its own.
    stop : Stop
        When to stop.

    Yields
    ------
    Candidate
        Encoders of the problem's format and rank, each of lower cost than the last.

    Examples
    --------
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
        for drawn in explorer.ask(rng):
            number += 1
            trial = replace(drawn, seed=int(rng.integers(_SEEDS)))
            for parent in trial.parents:
                if parent not in ancestry:
                    ancestry.add(_construction(parent))
            for made in run_trial(trial, stop, strategy if trial.strategy == strategy.name else None):
                candidate = replace(made, details={"trial": number, **made.details})
                ancestry.add(candidate)
                explorer.tell(trial, candidate)
                # A trial of another problem, of a part, makes no results of this one.
                if not candidate.step and (trial.problem.format, trial.problem.rank) == (problem.format, problem.rank):
                    for better in improving.offer(candidate):
                        yield replace(better, ancestors=ancestry.of(better))
            if stop():
                break
        if number == before:
            return
        stop.count_trial()


def run_trial(trial: Trial, stop: Stop, by: Strategy | None = None) -> Iterator[Candidate]:
    """Run a trial on one thread, and add parents and recipe to what it makes.

    Parameters
    ----------
    trial : Trial
        The trial.
    stop : Stop
        When to stop.
    by : Strategy, optional
        The strategy that runs it; by default the one of the trial's name.

    Yields
    ------
    Candidate
        What the trial makes, in order.

    Examples
    --------
    >>> from stl_algebra import Format, strassen
    >>> hop = Trial("als", Problem(Format(2, 2, 2), 7), "hop", (strassen(),), seed=1)
    >>> next(run_trial(hop, Stop())).parents == (strassen().digest,)
    True
    """
    by = by or strategy(trial.strategy)
    counting = _Counting(stop)
    parents = tuple(parent.digest for parent in trial.parents)
    for place, candidate in enumerate(candidates_of(trial, counting, by)):
        recipe = Recipe.of(trial, place, counting.ended, environment(*by.libraries))
        yield replace(candidate, parents=parents, recipe=recipe)


def candidates_of(trial: Trial, stop: Stop, by: Strategy | None = None) -> Iterator[Candidate]:
    """Run a trial on one thread, and yield what it makes as its strategy gives it.

    Between two candidates the libraries have their threads back.

    Parameters
    ----------
    trial : Trial
        The trial.
    stop : Stop
        When to stop.
    by : Strategy, optional
        The strategy that runs it; by default the one of the trial's name.

    Yields
    ------
    Candidate
        What the trial makes, in order, without parents and recipe.
    """
    by = by or strategy(trial.strategy)
    pure = trial
    if (weights := trial.problem.weights) is not None:  # what was computed from them may not have been on one thread
        pure = replace(trial, problem=replace(trial.problem, weights=weights.fresh()))
    made = by.trial(pure, np.random.default_rng(trial.seed), stop)
    while True:
        with one_thread(*by.libraries):
            candidate = next(made, None)
        if candidate is None:
            return
        yield candidate


class Improving:
    """Passes on only what is better than everything before it.

    Parameters
    ----------
    problem : Problem
        Its cost tells what is better.

    Examples
    --------
    >>> from stl_algebra import Format
    >>> Improving(Problem(Format(2, 2, 2), 7)).best is None
    True
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.best: TileEncoder | None = None

    def offer(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the candidate itself if it improves, and nothing otherwise.

        Parameters
        ----------
        candidate : Candidate
            An encoder of the problem's format and rank.

        Yields
        ------
        Candidate
            The same candidate.
        """
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


class _Counting(Stop):
    """Another stop, asked once a step of work, and the step and question that it first answered by yes.

    All questions within a step have one answer, so that a program that asks more often, or less, makes the same. Only
    a trial that asks very often without a step of work is answered anew: one that never counts its work would not end.
    """

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop
        self._steps, self._questions = 0, 0
        self.ended: tuple[int, int] | None = None

    def __call__(self) -> bool:
        self._questions += 1
        anew = self._questions == 1 or self._questions > PATIENT
        if self.ended is None and anew and self._stop():
            self.ended = self._steps, self._questions
        return self.ended is not None

    def worked(self) -> None:
        self._steps, self._questions = self._steps + 1, 0
        self._stop.worked()
