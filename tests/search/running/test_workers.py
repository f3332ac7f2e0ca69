"""Worker processes of a search: one that dies leaves the others alone, and all end at once."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from search.problem import Problem
from search.running.run import Search
from search.running.task import Discovery
from search.running.workers import Workers
from stl_algebra import Format


def _wait_for(file: Path) -> int:
    """Runs in a worker, until there is the file."""
    while not file.exists():
        time.sleep(0.02)
    return os.getpid()


def test_a_killed_worker_loses_only_its_task(tmp_path: Path) -> None:
    workers = Workers(2)
    try:
        first, second = (future.result() for future in [workers.submit(os.getpid) for _ in range(2)])
        assert first != second
        lost, kept = workers.submit(time.sleep, 600), workers.submit(_wait_for, tmp_path / "go on")
        os.kill(first, signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            lost.result()
        assert not kept.done()
        (tmp_path / "go on").touch()
        assert kept.result() == second
        again = {future.result() for future in [workers.submit(os.getpid) for _ in range(2)]}
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
    search = Search(problem, trials=4, jobs=2, strategy_name="lm", executor=executor)
    found = [event for event in search.run() if isinstance(event, Discovery)]
    assert len(workers) == 1
    assert found[-1].strategy == "lm"


def test_an_executor_ends_although_a_result_is_half_sent() -> None:
    """A worker that is ended while it sends leaves a message without an end."""
    workers = Workers(1)
    future = workers.submit(_half_send)
    assert not future.done()
    while not any(_is_reading_the_rest(thread) for thread in threading.enumerate()):
        time.sleep(0.05)
    workers.shutdown(wait=True, cancel_futures=True)
    with pytest.raises(BrokenExecutor):
        future.result(0)


def _half_send() -> None:
    """In a worker: the first bytes of a message of a thousand, and no end."""
    for one in gc.get_objects():
        if isinstance(one, Connection):
            os.write(one.fileno(), (1000).to_bytes(4) + b"the first bytes of a thousand")
    time.sleep(600)


def _is_reading_the_rest(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_name == "_recv" and frame.f_locals.get("size") == 1000:
            return True
        frame = frame.f_back
    return False


def test_what_a_task_raises_is_raised_with_where_it_was() -> None:
    with Workers(1) as workers:
        lost = workers.submit(int, "no number")
        after = workers.submit(os.getpid)
        with pytest.raises(ValueError, match="no number") as raised:
            lost.result(60)
        assert "In a worker process" in "".join(raised.value.__notes__)
        assert after.result(60) != os.getpid()


@pytest.mark.parametrize(("function", "arguments"), [(len, (lambda: 0,)), (open, (os.devnull,))])
def test_what_cannot_be_sent_fails_and_nothing_else(function: Callable[..., object], arguments: tuple[object]) -> None:
    with Workers(1) as workers:
        unsent, after = workers.submit(function, *arguments), workers.submit(os.getpid)
        assert isinstance(unsent.exception(60), Exception)
        assert not isinstance(unsent.exception(60), BrokenExecutor)
        assert after.result(60) != os.getpid()


def test_tasks_that_wait_are_cancelled_with_the_workers() -> None:
    workers = Workers(1)
    running, waiting = workers.submit(time.sleep, 600), workers.submit(os.getpid)
    while not running.running():
        time.sleep(0.01)
    workers.shutdown(wait=True, cancel_futures=True)
    assert isinstance(running.exception(0), BrokenExecutor)
    assert waiting.cancelled()
