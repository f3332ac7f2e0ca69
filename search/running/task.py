"""One slice of work for a worker: a strategy, a problem, a seed, and when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

import numpy as np

from search.problem import Problem
from search.running.exploration import explore
from search.running.one_thread import one_thread
from search.stop import Stop
from search.strategies import register, strategy
from search.trial import Candidate, Recipe
from stl_algebra import TileEncoder


@dataclass(frozen=True)
class Task:
    """What a worker is sent.

    Parameters
    ----------
    strategy : str
        The name of the strategy.
    problem : Problem
        What is searched for.
    seed : tuple[int, int]
        The seed of the search and the number of the task.
    seconds : float
        How long the task may take.
    expires : float
        The time, in seconds since the epoch, at which it ends at the latest: a worker may start late.
    trials : int, optional
        How many trials it may make. By default there is no limit.
    home : str, optional
        Where a strategy is that was registered in the process of the search: "module:Class".
    """

    strategy: str
    problem: Problem
    seed: tuple[int, int]
    seconds: float = inf
    expires: float = inf
    trials: int | None = None
    home: str | None = None


@dataclass(frozen=True)
class Discovery:
    """An encoder that a task found, with everything needed to find it again.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    strategy : str
        The name of the strategy; "known" or "construction" for what the search was given or constructed.
    seed : int or None
        The seed of the search; None for what was given or constructed.
    seconds : float
        Seconds after the start.
    parents : tuple[str, ...]
        The digests of the encoders it was made from.
    details : dict[str, Any]
        How it was made, in plain words.
    recipe : Recipe, optional
        How to make it again; None for what was given or constructed.
    ancestors : tuple[Candidate, ...]
        Its ancestors that the search itself made, each after its own parents.
    """

    encoder: TileEncoder
    strategy: str
    seed: int | None
    seconds: float
    parents: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    ancestors: tuple[Candidate, ...] = ()

    @property
    def candidate(self) -> Candidate:
        """The encoder as what others are made from."""
        return Candidate(self.encoder, self.details, parents=self.parents, recipe=self.recipe)


@dataclass(frozen=True)
class TaskResult:
    """What a worker sends back.

    Parameters
    ----------
    discoveries : tuple[Discovery, ...]
        What the task found, each better than the one before.
    trials : int
        How many trials it made.
    """

    discoveries: tuple[Discovery, ...]
    trials: int


class _CountingStop(Stop):
    """The end of a task, which tells how many trials it made."""

    def __init__(self, seconds: float, trials: int | None) -> None:
        super().__init__(seconds=seconds, trials=trials)
        self.trials = 0

    def count_trial(self) -> None:
        super().count_trial()
        self.trials += 1


def run_task(task: Task) -> TaskResult:
    """Run a strategy to the end of a task; the result depends on the task alone, and on when time ends it.

    Parameters
    ----------
    task : Task
        The task.

    Returns
    -------
    TaskResult
        What it found.
    """
    started = time.monotonic()
    stop = _CountingStop(min(task.seconds, task.expires - time.time()), task.trials)
    if task.home is not None:
        register(task.home)
    searching = strategy(task.strategy)
    with one_thread(*searching.libraries):
        found = tuple(
            Discovery(
                candidate.encoder,
                task.strategy,
                task.seed[0],
                round(time.monotonic() - started, 3),
                candidate.parents,
                _numbered(candidate, task).details,
                candidate.recipe,
                tuple(_numbered(ancestor, task) for ancestor in candidate.ancestors),
            )
            for candidate in explore(searching, task.problem, np.random.default_rng(task.seed), stop)
        )
    return TaskResult(found, stop.trials)


def _numbered(candidate: Candidate, task: Task) -> Candidate:
    """With the number of the task, if a trial made it."""
    if candidate.recipe is None:
        return candidate
    return replace(candidate, details={"task": task.seed[1], **candidate.details})
