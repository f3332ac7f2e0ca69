"""Searching on a Dask cluster: a real scheduler and two worker processes, one of which is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from search.problem import Problem
from search.running.cluster import Cluster
from search.running.run import Progress, Search
from search.running.task import Discovery, Task, TaskResult, run_task
from stl_algebra import Format, InvalidInput

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parents[3]


class _Processes:
    """A scheduler and its workers as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self._stack = ExitStack()
        self._folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", "s.json")
        self.address = _address(folder / "s.json")

    def add_worker(self) -> None:
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1")
        self.workers.append(self._start("worker", self.address, *options))
        with distributed.Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers))

    def close(self) -> None:
        self._stack.close()

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", kind, "--no-dashboard", *arguments]
        process = subprocess.Popen(
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def _address(file: Path) -> str:
    """What a scheduler writes to its file: not all at once, so that there may be half of it."""
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            address: str = json.loads(file.read_text())["address"]
            return address
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Processes]:
    """They answer, however busy the machine is."""
    monkeypatch.setattr("search.running.cluster.ANSWER_WITHIN", 250.0)
    monkeypatch.setattr("search.running.cluster.WORKERS_WITHIN", 250.0)
    started = _Processes(tmp_path)
    yield started
    started.close()


def _hangs_once(file: str, task: Task) -> TaskResult:
    """A task: the first worker that gets it writes its process id to the file, and goes no further."""
    try:
        with open(file, "x", encoding="utf-8") as place:
            place.write(f"{os.getpid()}\n")
    except FileExistsError:
        return run_task(task)
    time.sleep(1e6)
    raise AssertionError


class _FirstHangs(Executor):
    """An executor whose first task is such a one."""

    def __init__(self, inner: Executor, file: Path) -> None:
        self._inner, self._file = inner, str(file)
        self._tasks = 0

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self._tasks += 1
        if self._tasks == 1:
            return self._inner.submit(_hangs_once, self._file, *args)
        return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait, cancel_futures=cancel_futures)


def _written(file: Path) -> int:
    """The number in a file, once it is there as a whole."""
    while not file.exists() or not file.read_text().endswith("\n"):
        time.sleep(0.05)
    return int(file.read_text())


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_worker_loses_only_its_running_task(processes: _Processes, tmp_path: Path) -> None:
    for _ in range(2):
        processes.add_worker()
    cluster = Cluster(processes.address)
    assert cluster.workers == 2
    busy = tmp_path / "busy"
    search = Search(
        Problem(Format(2, 2, 2), 6),
        trials=12,
        jobs=2,
        strategy_name="als",
        executor=lambda jobs: _FirstHangs(cluster.executor(jobs), busy),
    )
    killed: list[int] = []

    def kill() -> None:
        killed.append(_written(busy))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    seen = list(search.run())
    killer.join()
    assert killed[0] in {worker.pid for worker in processes.workers}
    assert sum(worker.poll() == -signal.SIGKILL for worker in processes.workers) == 1
    assert any(isinstance(event, Discovery) for event in seen)
    last = [event for event in seen if isinstance(event, Progress)][-1]
    assert last.arms[0].slices >= 4
    assert last.arms[0].trials == 12  # all were made, in the end by the worker that is left


def test_the_command_line_searches_on_a_cluster(processes: _Processes, tmp_path: Path) -> None:
    processes.add_worker()
    arguments = ["--tile", "2", "--rank", "6", "--trials", "8", "--strategy", "als", "--no-shipped", "--json"]
    result = CliRunner().invoke(
        cli.search_command, [*arguments, "--dask", processes.address, "--catalog", str(tmp_path / "catalog")]
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["strategy"] == "als"
    assert found["details"]["task"] >= 1


def test_a_scheduler_without_workers_is_said_to_be_so(processes: _Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.running.cluster.WORKERS_WITHIN", 0.1)
    with pytest.raises(InvalidInput, match=r"has no workers; start some with: dask worker tcp://"):
        Cluster(processes.address)


def test_a_lost_scheduler_ends_the_search_in_a_sentence(processes: _Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    processes.add_worker()
    cluster = Cluster(processes.address)
    search = Search(Problem(Format(2, 2, 2), 6), trials=10**6, strategy_name="als", executor=cluster.executor)
    events = search.run()
    assert isinstance(next(event for event in events if isinstance(event, Discovery)), Discovery)
    processes.scheduler.kill()
    monkeypatch.setattr("search.running.cluster.ANSWER_WITHIN", 0.2)
    with pytest.raises(InvalidInput, match="no Dask scheduler answers"):
        list(events)
    assert 6 in search.best  # what was found is still there


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_address_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.running.cluster.ANSWER_WITHIN", 0.2)
    with pytest.raises(InvalidInput, match=r"no Dask scheduler answers at tcp://127.0.0.1:\d+; start one with"):
        Cluster(f"tcp://127.0.0.1:{_free_port()}")


def test_a_stranger_at_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that talks something else, here a web server's first words."""
    monkeypatch.setattr("search.running.cluster.ANSWER_WITHIN", 250.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 3)
                connection.recv(100)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InvalidInput, match="is no Dask scheduler"):
            Cluster(f"tcp://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("address", ["somewhere", "tcp://", "http://here:8786", "tcp://here", "tcp://here:port"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidInput, match="is no address of a Dask scheduler; write one such as tcp://host:8786"):
        Cluster(address)


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"package distributed; install it with: pip install .*cluster"):
        Cluster("tcp://127.0.0.1:8786")


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"version": "0.0.1"}, "has strassen-tile 0.0.1, not"),
        ({"clock": 60.0}, "is 60 s off this machine's"),
    ],
)
def test_workers_that_could_not_run_a_task(
    answers: dict[str, object], sentence: str, processes: _Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.add_worker()

    def answered(_: object, function: object, *arguments: object) -> dict[str, object]:
        mine = function(*arguments)  # type: ignore[operator]
        return {"tcp://w": mine + answers.get("clock", 0.0) if function is time.time else answers.get("version", mine)}

    monkeypatch.setattr("search.running.cluster._on_every_worker", answered)
    with pytest.raises(InvalidInput, match=sentence):
        Cluster(processes.address)
