"""Shared starts for the tests of search."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pytest

from search.numerics.objective import Factors
from search.problem import Problem
from search.running.one_thread import one_thread
from search.running.run import Progress, Search
from search.running.task import Task, TaskResult
from stl_algebra import Format, TileMoments


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    with one_thread():
        yield


def gaussian_factors(format: Format, rank: int, seed: int) -> Factors:
    rng = np.random.default_rng(seed)
    u, v, w = (rng.standard_normal((rank, size)) for size in format.sizes)
    return u, v, w


def skewed_moments(format: Format, seed: int = 0, spread: float = 1.5) -> TileMoments:
    """Moments of correlated entries whose variances differ by about e^(2·spread), with means."""
    rng = np.random.default_rng(seed)
    seconds, means = [], []
    for size in format.sizes[:2]:
        mixing = rng.standard_normal((size, size)) * np.exp(spread * rng.standard_normal(size))
        means.append(0.5 * rng.standard_normal(size))
        seconds.append(mixing @ mixing.T / size + np.outer(means[-1], means[-1]))
    return TileMoments(format, *seconds, *means, source="a test")


class Canned(Executor):
    """Gives outcomes in turn, results or errors, instead of running anything; after the last, tasks do not end."""

    def __init__(self, *outcomes: TaskResult | BaseException) -> None:
        self.outcomes = list(outcomes)
        self.tasks: list[Task] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ARG002
        self.tasks.append(args[0])
        future: Future[TaskResult] = Future()
        if self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        return future


#: What a slice of one trial brings that finds nothing.
NOTHING = TaskResult((), 1)


class HandClock:
    """A clock that stands unless it is set, or goes on by `tick` seconds whenever it is read."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now, self._tick = 100.0, tick

    def monotonic(self) -> float:
        self.now += self._tick
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


def threads(jobs: int) -> Executor:
    """Workers that need no start."""
    return ThreadPoolExecutor(jobs)


def canned(executor: Executor, name: str = "als", **options: object) -> Search:
    """A search that never ends by itself, on such an executor."""
    options = {"problem": Problem(Format(2, 2, 2), 6), "budget": 60, "clock": HandClock(), **options}
    return Search(strategy_name=name, executor=lambda _: executor, **options)  # type: ignore[arg-type]


def until_trials(search: Search, trials: int) -> Progress:
    """How a search stands once so many trials were made."""
    standing = (event for event in search.run() if isinstance(event, Progress))
    return next(one for one in standing if sum(arm.trials for arm in one.arms) >= trials)
