"""Slices that fail, executors that break, workers that never start."""

from __future__ import annotations

import os
import sys
from concurrent.futures import BrokenExecutor, Executor, ThreadPoolExecutor

import numpy as np
import pytest

from search.problem import Problem
from search.running.failures import Failures
from search.running.run import Search
from search.running.task import Task, TaskResult
from search.running.workers import Workers
from stl_algebra import Format, InvalidInput
from tests.search.conftest import NOTHING, Canned, canned, until_trials


def test_a_slice_that_fails_is_told_of_once_and_gone_on_from() -> None:
    broken = np.linalg.LinAlgError("SVD did not converge")
    with pytest.warns(RuntimeWarning) as told:
        standing = until_trials(canned(Canned(NOTHING, broken, broken, NOTHING, broken, NOTHING)), 3)
    assert [str(one.message) for one in told] == [
        "a slice of als at rank 6 failed (LinAlgError: SVD did not converge; seed 0, task 2); "
        "the search goes on without it"
    ]
    assert standing.arms[0].slices >= 6


def test_a_search_ends_where_all_its_slices_fail() -> None:
    executor = Canned(*[np.linalg.LinAlgError("SVD did not converge")] * 9)
    with pytest.raises(np.linalg.LinAlgError):
        list(canned(executor).run())
    assert 1 < len(executor.tasks) < 9


def test_what_failed_before_the_first_good_slice_is_told_of_then() -> None:
    faults = Failures(["als", "lm"], jobs=1)
    problem = Problem(Format(2, 2, 2), 6)
    for number in range(5):
        faults.failed(Task("als", problem, (0, number), 1.0), ValueError("no"))  # lm may do better
    with pytest.warns(RuntimeWarning, match="a slice of als at rank 6 failed .ValueError: no; seed 0, task 0.") as told:
        faults.ended_well()
    assert len(told) == 1
    faults.close()
    alone = Failures(["als", "lm"], jobs=1)
    alone.failed(Task("als", problem, (0, 1), 1.0), ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        alone.close()
    alone.failed(Task("als", problem, (0, 2), 1.0), ValueError("nor this"))
    with pytest.raises(ValueError, match="no"):
        alone.failed(Task("lm", problem, (0, 3), 1.0), ValueError("nor that"))


def test_a_missing_package_ends_a_search_in_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with ThreadPoolExecutor(1) as executor, pytest.raises(InvalidInput, match="strategy batch needs torch; install it"):
        list(canned(executor, "batch").run())


def test_results_that_are_there_when_an_executor_breaks_are_collected() -> None:
    class Breaking(Canned):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
            if self.tasks:
                raise BrokenExecutor("a worker died")
            return super().submit(fn, *args, **kwargs)

    executors: list[Executor] = [Breaking(TaskResult((), 7)), Canned(NOTHING, NOTHING)]
    search = Search(
        Problem(Format(2, 2, 2), 6), trials=60, jobs=2, strategy_name="als", executor=lambda _: executors.pop(0)
    )
    assert until_trials(search, 8).arms[0].trials >= 8


def test_workers_that_cannot_start_end_the_search() -> None:
    class Dying(Workers):
        def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ARG002
            return super().submit(os._exit, 1)

    search = Search(Problem(Format(2, 2, 2), 6), trials=60, strategy_name="als", executor=Dying)
    with pytest.raises(InvalidInput, match="worker processes die as they start"):
        list(search.run())


def test_workers_that_die_now_and_then_do_not() -> None:
    dead = BrokenExecutor("a worker died")
    assert until_trials(canned(Canned(*[dead, dead, NOTHING] * 3)), 3).arms[0].slices >= 9
