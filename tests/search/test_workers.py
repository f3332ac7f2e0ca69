"""Worker processes of a search: one that dies leaves the others alone, and all end at once."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import BrokenExecutor, Executor

import pytest

from search.run import Search
from search.strategy import Problem
from search.task import Discovery
from search.workers import Workers
from stl_algebra import Format


def test_a_killed_worker_loses_only_its_task() -> None:
    workers = Workers(2)
    try:
        first, second = (future.result(60) for future in [workers.submit(os.getpid) for _ in range(2)])
        assert first != second
        lost, kept = workers.submit(time.sleep, 600), workers.submit(time.sleep, 1)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            lost.result(60)
        kept.result(60)
        again = {future.result(60) for future in [workers.submit(os.getpid) for _ in range(2)]}
        assert second in again
        assert len(again - {first, second}) == 1
    finally:
        workers.shutdown(wait=False, cancel_futures=True)


def test_tasks_that_are_wanted_are_waited_for() -> None:
    with Workers(1) as workers:
        future = workers.submit(os.getpid)
    assert future.result(0) != os.getpid()


def test_a_worker_that_dies_in_a_search_is_replaced() -> None:
    workers: list[Workers] = []

    def executor(jobs: int) -> Executor:
        workers.append(Workers(jobs))
        os.kill(workers[0].submit(os.getpid).result(), signal.SIGKILL)
        return workers[0]

    problem = Problem(Format(2, 2, 2), 6)
    search = Search(problem, budget=9, jobs=2, strategy_name="lm", executor=executor)
    found = [event for event in search.run() if isinstance(event, Discovery)]
    assert len(workers) == 1
    assert found[-1].strategy == "lm"


def test_an_executor_ends_although_a_result_is_half_sent() -> None:
    """A worker that is ended while it sends leaves a message without an end."""
    workers = Workers(1)
    (pool,) = workers._pools
    workers.submit(os.getpid).result()
    workers.submit(time.sleep, 600)
    manager, results = pool._executor_manager_thread, pool._result_queue
    assert manager is not None
    results._writer._send((1000).to_bytes(4) + b"the first bytes of a thousand")
    time.sleep(0.5)
    workers.shutdown(wait=False, cancel_futures=True)
    manager.join(20)
    assert not manager.is_alive()
