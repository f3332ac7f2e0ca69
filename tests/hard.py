"""The tests under the conditions of other machines: `make test-hard`, or python tests/hard.py [arguments of pytest].

Other kernels of OpenBLAS, one core, any order, other programs beside them. Each condition is a run of pytest of its
own; what this machine cannot do is said. Arguments of pytest narrow the runs, such as tests/search -k rounding.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

#: What numerics, the clock or the order of tests could touch.
PARTS = (
    "tests/search",
    "tests/stl_algebra",
    "tests/stl_bench/baselines",
    "tests/stl_bench/compression",
    "tests/stl_bench/networks",
    "tests/stl_nn/calibration",
    "tests/strassen_tile",
)
KERNELS = ("Nehalem", "Haswell", "Zen", "SkylakeX")
BUSY_LOOPS = 2

#: Runs what calls the kernels of a BLAS, and prints what they are called.
PROBE = """
import numpy, scipy.linalg, threadpoolctl
a = numpy.random.default_rng(0).standard_normal((64, 64))
scipy.linalg.eigh(a @ a.T), numpy.linalg.svd(a), scipy.linalg.cho_factor(a @ a.T)
found = {str(one.get("architecture")) for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}
print(*found)
"""

#: Counts for as long as the process that started it is there.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**6))"


@dataclass(frozen=True)
class Condition:
    """What a run differs by from `make test`; `missing` says why this machine cannot have it."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: str = "auto"
    one_core: bool = False
    busy_loops: int = 0
    missing: str = ""


def conditions() -> Iterator[Condition]:
    """All of them, those too that this machine cannot have."""
    for kernel in KERNELS:
        environment = {"OPENBLAS_CORETYPE": kernel}
        yield Condition(f"the OpenBLAS kernel {kernel}", environment, missing=_why_no_kernel(kernel))
    no_affinity = "" if hasattr(os, "sched_setaffinity") else "this system pins no process to a core"
    yield Condition("one core", workers="0", one_core=True, missing=no_affinity)
    yield Condition(f"{BUSY_LOOPS} busy loops beside", busy_loops=BUSY_LOOPS)


def _why_no_kernel(kernel: str) -> str:
    """Tried, for a kernel that the processor cannot run kills the process that calls it."""
    environment = os.environ | {"OPENBLAS_CORETYPE": kernel}
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment, check=False)
    if probe.returncode:
        return "this processor cannot run it"
    found = probe.stdout.split()
    return "" if found == [kernel] else f"the BLAS here has {' and '.join(found)} in its place"


@contextmanager
def _busy(loops: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(condition: Condition, arguments: Sequence[str], seed: int) -> int:
    """The exit status of pytest under a condition, the tests in an order drawn by a seed."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", condition.workers, "--dist", "loadgroup"]
    command += ["--random-order", f"--random-order-seed={seed}", *arguments]
    with _busy(condition.busy_loops):
        if not condition.one_core:
            return subprocess.run(command, env=os.environ | dict(condition.environment), check=False).returncode
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})  # what is started inherits it
        try:
            return subprocess.run(command, env=os.environ | dict(condition.environment), check=False).returncode
        finally:
            os.sched_setaffinity(0, cores)


def main(arguments: Sequence[str]) -> int:
    """Run them all; 1 if any test failed."""
    seed, words = random.randrange(10**6), []
    for condition in conditions():
        if condition.missing:
            words.append(f"skipped  {condition.name}: {condition.missing}")
            continue
        print(f"\n== {condition.name}, order {seed}", flush=True)
        started = time.monotonic()
        status = run(condition, arguments or PARTS, seed)
        took = f"{time.monotonic() - started:.0f} s"
        words.append(f"{'FAILED' if status else 'passed'}   {condition.name}, order {seed}, {took}")
    print("", *words, sep="\n")
    return int(any(line.startswith("FAILED") for line in words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
