"""What the catalog's tests share."""

from __future__ import annotations

import random
import signal
import subprocess
import time

#: The fuzzing harness instruments what it imports, so it is run in a process of its own (test_coverage_fuzz.py).
collect_ignore = ["coverage_fuzz.py"]


def killed_after(writer: subprocess.Popen[str], chance: random.Random) -> set[str]:
    """The ids that a writer printed: it is killed at any instant, but not before it has printed one."""
    assert writer.stdout is not None
    printed = [writer.stdout.readline() for _ in range(chance.randint(1, 20))]
    time.sleep(chance.uniform(0.0, 0.02))
    writer.send_signal(signal.SIGKILL)
    printed += writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    return {line[:-1] for line in printed if len(line) == 65}  # with its end: the last may be cut short
