"""After a converted model has run, a forked child runs it too: pre-fork servers, workers of a DataLoader."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from stl_nn.cpu.threads import LEAST_PART, run_kernel

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

#: In a process of its own, since a process that has forked goes on with one thread in its children.
SCRIPT = """
import multiprocessing, torch
from torch import nn
from stl_algebra import strassen
from stl_nn import convert

torch.manual_seed(0)
torch.set_num_threads(2)
model = nn.Sequential(nn.Linear({width}, {width}), nn.ReLU(), nn.Linear({width}, {width})).eval()
dense = nn.Linear({width}, {width})
x = torch.randn({width}, {width})
convert(model, strassen())

@torch.no_grad()
def compute():
    return model(x), dense(x)

expected = compute()

def work(queue):
    queue.put((max((a - b).abs().max().item() for a, b in zip(compute(), expected)), torch.get_num_threads()))

class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, row):
        return compute()[0][row]

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=work, args=(queue,), daemon=True)
    child.start()
    difference, threads = queue.get(timeout=120)
    child.join()
    assert child.exitcode == 0
    assert difference < 1e-3, difference
    assert threads == 1, threads
    rows = list(torch.utils.data.DataLoader(Rows(), num_workers=1, batch_size=1, multiprocessing_context="fork"))
    torch.testing.assert_close(torch.cat(rows), expected[0][:4], rtol=0, atol=1e-3)
    assert torch.get_num_threads() == 2
    print("done")
"""


@pytest.mark.parametrize("width", [64, 768])
def test_a_forked_child_runs_what_its_parent_ran(width: int) -> None:
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(width=width)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done"]


def test_a_second_caller_does_its_work_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    out, calls = np.empty(4 * LEAST_PART), []

    def alone(name: str, begin: int, end: int, _: object) -> None:
        calls.append((name, "alone", begin, end))

    def in_parallel(name: str, parts: int, chunks: int, _: object) -> None:
        calls.append((name, "in parallel", parts, chunks))
        if name == "first":
            second = threading.Thread(target=run_kernel, args=(alone, in_parallel, ("second",), 16, out))
            second.start()
            second.join(60)
            run_kernel(alone, in_parallel, ("little",), 16, out[:LEAST_PART])

    run_kernel(alone, in_parallel, ("first",), 16, out)
    run_kernel(alone, in_parallel, ("third",), 16, out)
    assert calls == [
        ("first", "in parallel", 4, 16),
        ("second", "alone", 0, 16),
        ("little", "alone", 0, 16),
        ("third", "in parallel", 4, 16),
    ]
