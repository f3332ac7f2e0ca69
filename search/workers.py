"""Worker processes on this machine, each apart from the others: one that dies takes its own task along and no more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from search.worker import prepare_worker


class Workers(Executor):
    """So many worker processes, started afresh when they are needed: they share no state with this process.

    In a pool of several processes one that dies breaks the pool, and all that the others were doing is lost. So every
    process is a pool of its own, with another in its place when it dies. A task goes to the process with the fewest.
    """

    def __init__(self, jobs: int) -> None:
        self._pools = [_pool() for _ in range(jobs)]
        self._tasks: list[list[Future[Any]]] = [[] for _ in range(jobs)]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._tasks = [[future for future in tasks if not future.done()] for tasks in self._tasks]
        place = min(range(len(self._pools)), key=lambda k: len(self._tasks[k]))
        try:
            future = self._pools[place].submit(fn, *args, **kwargs)
        except BrokenExecutor:
            self._pools[place].shutdown(wait=False)
            self._pools[place] = _pool()
            future = self._pools[place].submit(fn, *args, **kwargs)
        self._tasks[place].append(future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """With `cancel_futures` the processes are ended at once: what they still do is not wanted any more."""
        for pool in self._pools:
            if cancel_futures:
                _end(pool)
            else:
                pool.shutdown(wait=wait)


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=prepare_worker)


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool and its process at once."""
    processes = list((pool._processes or {}).values())
    results: Any = pool._result_queue
    if results is not None:
        results._writer.close()  # or the rest of a result that a worker was sending would be waited for without end
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
