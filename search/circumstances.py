"""What a measured figure must carry with it: the machine, the versions, the command, the date."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def circumstances(seed: int, *packages: str) -> dict[str, Any]:
    """Where, how and when this process measures: machine, versions, command, seed, date (UTC), as plain JSON.

    The versions are those of Python, of this project and of the packages named that are installed.

    >>> sorted(circumstances(0)), sorted(circumstances(0, "numpy", "absent")["versions"])
    (['command', 'date', 'machine', 'seed', 'versions'], ['numpy', 'python', 'strassen-tile'])
    """
    return {
        "machine": {
            "cpu": cpu_name(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version(), **_versions("strassen-tile", *packages)},
        "command": " ".join([Path(sys.argv[0]).name, *map(shlex.quote, sys.argv[1:])]),
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def cpu_name() -> str:
    """The processor's name where Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
