"""Worker processes on this machine, each apart from the others: one that dies takes its own task along and no more."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple

from search.running.worker import prepare_worker


class Workers(Executor):
    """Worker processes, started afresh when they are needed: they share no state with this process.

    In a pool of several processes one that dies breaks the pool, and all that the others were doing is lost. So every
    process has a pipe and a thread of its own here, and another takes its place when it dies: only its task raises
    BrokenExecutor. A task goes to the process with the fewest.

    Parameters
    ----------
    jobs
        How many processes there are.
    """

    def __init__(self, jobs: int) -> None:
        self._workers = [_Worker() for _ in range(jobs)]

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return min(self._workers, key=_Worker.unfinished).submit(_Call(fn, args, kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """With `cancel_futures` the processes are ended at once: what they still do is not wanted any more."""
        for worker in self._workers:
            if cancel_futures:
                worker.end()
            else:
                worker.finish()
        if wait:
            for worker in self._workers:
                worker.join()


def usable_cores() -> int:
    """How many cores this process may use.

    >>> usable_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # on Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Call(NamedTuple):
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class _Worker:
    """A thread that hands one task after the other to a process."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[tuple[Future[Any], _Call] | None] = SimpleQueue()
        self._futures: list[Future[Any]] = []
        self._guard = Lock()  # over the process: it is not started once this has ended
        self._ended = False
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, call: _Call) -> Future[Any]:
        future: Future[Any] = Future()
        self._futures.append(future)
        self._waiting.put((future, call))
        return future

    def unfinished(self) -> int:
        """How many tasks it has."""
        self._futures = [future for future in self._futures if not future.done()]
        return len(self._futures)

    def finish(self) -> None:
        """Let it end when its tasks are done."""
        self._waiting.put(None)

    def end(self) -> None:
        """End it and its process now."""
        with self._guard:
            self._ended = True
            if self._process is not None:
                self._process.terminate()
        with contextlib.suppress(Empty):
            while True:
                if (task := self._waiting.get_nowait()) is not None:
                    task[0].cancel()
        self._waiting.put(None)

    def join(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def _run(self) -> None:
        while (task := self._waiting.get()) is not None:
            future, call = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                succeeded, value = self._outcome(call)
            except Exception as error:  # what cannot be sent or read, or the process is dead
                succeeded, value = False, error
            if succeeded:
                future.set_result(value)
            else:
                future.set_exception(value)
            del future, call, task, value  # results are large, and the next task may be long in coming
        self._discard()

    def _outcome(self, call: _Call) -> tuple[bool, Any]:
        """Whether a call in the process succeeded, and its result or error. Raises BrokenExecutor if it died."""
        try:
            connection = self._started()
            connection.send(call)
            outcome: tuple[bool, Any] = connection.recv()
        except (EOFError, OSError) as error:
            self._discard()
            raise BrokenExecutor("the worker process died") from error
        return outcome

    def _started(self) -> Connection:
        """The pipe to the process, which is started if there is none."""
        if self._connection is None:
            context = get_context("spawn")
            with self._guard:
                if self._ended:
                    raise BrokenExecutor("the workers were ended")
                self._connection, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs,), daemon=True)
                process.start()
                self._process = process
                theirs.close()  # so that the pipe ends with the process
        return self._connection

    def _discard(self) -> None:
        """Let go of the process, which ends when its pipe does."""
        with self._guard:
            process, self._process = self._process, None
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        if process is not None:
            process.join()


def _serve(connection: Connection) -> None:
    """In the process: answer calls until the pipe is closed."""
    prepare_worker()
    while True:
        try:
            call: _Call = connection.recv()
        except EOFError:
            return
        except Exception as error:  # a call that cannot be read here
            connection.send((False, error))
            continue
        outcome = _called(call)
        try:
            connection.send(outcome)
        except OSError:
            return
        except Exception as error:  # a result that cannot be pickled
            connection.send((False, error))
        del call, outcome


def _called(call: _Call) -> tuple[bool, Any]:
    try:
        return True, call.function(*call.args, **call.kwargs)
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        return False, error
