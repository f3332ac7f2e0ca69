"""Worker processes end with the process that started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from search.running.worker import end_with_parent, prepare_worker

PARENT = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from search.running.worker import {name}

if __name__ == "__main__":
    executor = ProcessPoolExecutor(1, get_context("spawn"), {name})
    print(executor.submit(os.getpid).result(), flush=True)
    executor.submit(time.sleep, 600)
    time.sleep(600)
"""


@pytest.mark.parametrize("prepare", [prepare_worker, end_with_parent])
def test_a_worker_ends_with_a_parent_that_is_killed(prepare: Callable[[], None], tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(name=prepare.__name__), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    try:
        parent.communicate()  # the output is open as long as the worker has it
    except BaseException:  # pytest-timeout's, above all
        os.kill(worker, signal.SIGKILL)
        raise
