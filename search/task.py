"""One slice of work for a worker: a strategy, a problem, a seed and a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any

from search.strategies import strategy
from search.strategy import Candidate, Problem, Stop
from stl_algebra import TileEncoder

if TYPE_CHECKING:
    from search.trial import Recipe


@dataclass(frozen=True)
class Task:
    """What a worker is sent. `seed` is (seed of the search, number of the task).

    It runs for so many seconds, but not beyond the time `expires` (seconds since the epoch): a worker may start
    late.
    """

    strategy: str
    problem: Problem
    seed: tuple[int, int]
    seconds: float
    expires: float = inf


@dataclass(frozen=True)
class Discovery:
    """An encoder found by a task, with everything needed to find it again.

    It was made from `parents` by the trial of the `recipe`; `ancestors` are those of its ancestors, each after its own
    parents, that the search itself made. What a search was given or constructed has no recipe.
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
    """What a worker sends back: improving discoveries in order, and the trials it made."""

    discoveries: tuple[Discovery, ...]
    trials: int


class _CountingStop(Stop):
    """A deadline that also counts trials."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds=seconds)
        self.trials = 0

    def count_trial(self) -> None:
        self.trials += 1


def run_task(task: Task) -> TaskResult:
    """Run a strategy for the task's seconds; a pure function of the task but for where the time ends it."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    started = time.monotonic()
    stop = _CountingStop(min(task.seconds, task.expires - time.time()))
    with threadpool_limits(1):
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
            for candidate in strategy(task.strategy).search(task.problem, np.random.default_rng(task.seed), stop)
        )
    return TaskResult(found, stop.trials)


def _numbered(candidate: Candidate, task: Task) -> Candidate:
    """With the number of the task, where a trial made it."""
    return (
        candidate
        if candidate.recipe is None
        else replace(candidate, details={"task": task.seed[1], **candidate.details})
    )
