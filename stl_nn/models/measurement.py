"""What a measured figure must carry with it: the machine, the versions, the command, the date."""

from __future__ import annotations

import datetime
import os
import platform
import resource
import shlex
import sys
from pathlib import Path
from typing import Any


def circumstances(seed: int) -> dict[str, Any]:
    """Where, how and when this process measures, as plain JSON: machine, versions, command, seed, date (UTC).

    >>> sorted(circumstances(0))
    ['command', 'date', 'machine', 'seed', 'versions']
    """
    import numpy
    import torch

    return {
        "machine": {
            "cpu": _cpu_name(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "threads": torch.get_num_threads(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": numpy.__version__},
        "command": " ".join([Path(sys.argv[0]).name, *map(shlex.quote, sys.argv[1:])]),
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes.

    >>> peak_memory() > 1_000_000
    True
    """
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
