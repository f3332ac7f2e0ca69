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
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from search.cluster import Cluster
from search.run import Progress, Search
from search.strategy import Problem
from search.task import Discovery
from stl_algebra import Format, InvalidInput

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parents[2]


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
            client.wait_for_workers(len(self.workers), timeout=60)

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
def processes(tmp_path: Path) -> Iterator[_Processes]:
    started = _Processes(tmp_path)
    yield started
    started.close()


def _running_pid(address: str) -> int:
    """The process id of the worker that runs a task, once one does."""
    with distributed.Client(address, set_as_default=False) as client:
        while True:
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            if busy:
                return next(iter(client.run(os.getpid, workers=busy[:1]).values()))
            time.sleep(0.05)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_worker_loses_only_its_running_task(processes: _Processes) -> None:
    for _ in range(2):
        processes.add_worker()
    cluster = Cluster(processes.address)
    assert cluster.workers == 2
    search = Search(
        Problem(Format(2, 2, 2), 6), budget=15, jobs=2, strategy_name="lm", executor=cluster.executor, seed=3
    )
    killed: list[int] = []

    def kill() -> None:
        killed.append(_running_pid(processes.address))
        os.kill(killed[0], signal.SIGKILL)

    events = search.run()
    killer = threading.Thread(target=kill)
    killer.start()
    seen = list(events)
    killer.join()
    assert killed[0] in {worker.pid for worker in processes.workers}
    assert sum(worker.poll() == -signal.SIGKILL for worker in processes.workers) == 1
    found = [event for event in seen if isinstance(event, Discovery)]
    assert found[-1].encoder.error_at("bf16") < 0.1255
    last = [event for event in seen if isinstance(event, Progress)][-1]
    assert last.arms[0].slices >= 3  # it went on with the worker that is left
    assert last.arms[0].trials > 0


def test_the_command_line_searches_on_a_cluster(processes: _Processes, tmp_path: Path) -> None:
    processes.add_worker()
    arguments = ["--tile", "2", "--rank", "6", "--budget", "4s", "--strategy", "als", "--no-shipped", "--json"]
    result = CliRunner().invoke(
        cli.search_command, [*arguments, "--dask", processes.address, "--catalog", str(tmp_path / "catalog")]
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["strategy"] == "als"
    assert found["error_at_precision"] < 0.26


def test_a_scheduler_without_workers_is_said_to_be_so(processes: _Processes) -> None:
    with pytest.raises(InvalidInput, match=r"has no workers; start some with: dask worker tcp://"):
        Cluster(processes.address)


def test_a_lost_scheduler_ends_the_search_in_a_sentence(processes: _Processes) -> None:
    processes.add_worker()
    cluster = Cluster(processes.address)
    search = Search(Problem(Format(2, 2, 2), 6), budget=60, strategy_name="lm", executor=cluster.executor)
    events = search.run()
    assert isinstance(next(event for event in events if isinstance(event, Discovery)), Discovery)
    processes.scheduler.kill()
    with pytest.raises(InvalidInput, match="no Dask scheduler answers"):
        list(events)
    assert 6 in search.best  # what was found is still there


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_an_address_nobody_answers() -> None:
    with pytest.raises(InvalidInput, match=r"no Dask scheduler answers at tcp://127.0.0.1:\d+; start one with"):
        Cluster(f"tcp://127.0.0.1:{_free_port()}")


def test_a_stranger_at_the_address() -> None:
    """A server that talks something else, here a web server's first words."""
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

    monkeypatch.setattr("search.cluster._on_every_worker", answered)
    with pytest.raises(InvalidInput, match=sentence):
        Cluster(processes.address)
