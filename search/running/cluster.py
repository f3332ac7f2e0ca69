"""Searching on a Dask cluster: a scheduler's address in, an executor out."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stl_algebra import InvalidInput

#: Seconds a scheduler is given to answer, and then for a first worker to be there.
ANSWER_WITHIN, WORKERS_WITHIN = 3.0, 3.0
#: Clocks may differ by this many seconds: a task carries the time at which it is no longer wanted.
CLOCK_SKEW = 5.0

_PROJECT = "strassen-tile"


class Cluster:
    """A Dask scheduler that answers, with workers on which this project is installed in this version.

    Tasks are pickled and run with the rights of the workers: connect to clusters you trust only. What workers find is
    sent back with the recipes and ancestors, so it is replayed as what this machine finds. One task holds
    one core, so workers are best started with one thread each (dask worker ADDRESS --nthreads 1 --nworkers N).

    Raises InvalidInput, within ten seconds, where the extra is missing, nobody answers at the address, or there
    are no workers that could run a task.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._client = self._connect()
        #: Worker processes when it was reached.
        self.workers = len(self._client.nthreads())

    def executor(self, jobs: int) -> Executor:  # noqa: ARG002
        """An executor on the cluster; how many tasks run at a time is up to its workers. Connects again if need be."""
        if self._client.status != "running":
            self._client = self._connect()
        return _ClusterExecutor(self._client)

    def _connect(self) -> Any:
        try:
            from distributed import Client
        except ImportError as missing:
            raise InvalidInput(
                "searching on a cluster needs the package distributed; install it with: "
                "pip install 'strassen-tile[cluster]'"
            ) from missing
        for name in ("distributed", "tornado"):  # whose tracebacks would drown the sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._check_scheduler()
        client = Client(self._address, timeout=ANSWER_WITHIN, set_as_default=False)
        try:
            self._check_workers(client)
        except BaseException:
            client.close(timeout=1)
            raise
        return client

    def _check_scheduler(self) -> None:
        """One handshake before there is a client, which would go on trying for long."""
        from distributed.comm.core import connect

        if not re.fullmatch(r"(tcp|tls)://[^/:\s]+:\d{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:\d{1,5}", self._address):
            raise InvalidInput(
                f"{self._address!r} is no address of a Dask scheduler; write one such as tcp://host:8786"
            )

        async def shake_hands() -> None:
            comm = await connect(self._address, timeout=ANSWER_WITHIN)
            comm.abort()

        try:
            asyncio.run(asyncio.wait_for(shake_hands(), ANSWER_WITHIN))
        except (OSError, TimeoutError) as error:
            raise InvalidInput(
                f"no Dask scheduler answers at {self._address}; start one with: dask scheduler"
            ) from error
        except Exception as error:  # whatever a stranger's bytes make of the handshake
            raise InvalidInput(f"what answers at {self._address} is no Dask scheduler") from error

    def _check_workers(self, client: Any) -> None:
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError:
            raise InvalidInput(
                f"the Dask scheduler at {self._address} has no workers; start some with: "
                f"dask worker {self._address} --nthreads 1 --nworkers 2"
            ) from None
        mine = version(_PROJECT)
        for worker, found in _on_every_worker(client, version, _PROJECT).items():
            if isinstance(found, PackageNotFoundError):
                raise InvalidInput(f"{_PROJECT} is not installed on the Dask worker {worker}; install {mine} there")
            if found != mine:
                raise InvalidInput(f"the Dask worker {worker} has {_PROJECT} {found}, not {mine}; install {mine} there")
        before = time.time()
        for worker, clock in _on_every_worker(client, time.time).items():
            if not before - CLOCK_SKEW < clock < time.time() + CLOCK_SKEW:
                off = abs(clock - before)
                raise InvalidInput(f"the clock of the Dask worker {worker} is {off:.0f} s off this machine's; set it")


def _on_every_worker(client: Any, function: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """What a function of the standard library returns, or raises, on each worker."""
    results: dict[str, Any] = client.run(function, *arguments, on_error="return")
    return results


class _ClusterExecutor(Executor):
    """Dask's executor with the manners of a process pool: a task that is lost raises BrokenExecutor."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._inner = client.get_executor(pure=False, retries=0)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._client.status != "running":
            raise BrokenExecutor("the connection to the Dask scheduler is lost")
        outcome: Future[Any] = Future()
        self._inner.submit(fn, *args, **kwargs).add_done_callback(lambda done: _relay(done, outcome))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster. Tasks that run there end by themselves when their time is over."""
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close(timeout=1)


def _relay(done: Future[Any], outcome: Future[Any]) -> None:
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    if done.cancelled():
        outcome.set_exception(BrokenExecutor("the task was lost with the connection to the Dask scheduler"))
    elif (error := done.exception()) is None:
        outcome.set_result(done.result())
    elif isinstance(error, KilledWorker | FutureCancelledError):
        outcome.set_exception(BrokenExecutor(f"the workers that had the task died: {error}"))
    else:
        outcome.set_exception(error)
