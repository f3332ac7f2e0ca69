"""The environment of a measurement: machine, BLAS, versions, command, seed and date, recorded beside every figure."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

#: The packages that compute: their versions are recorded with every figure, if they are installed.
PACKAGES = ("numpy", "scipy", "numba", "torch", "triton", "transformers", "scikit-learn")


def environment(seed: int, *packages: str) -> dict[str, Any]:
    """Describe where, how and when this process measures.

    Call it after the measurement: libraries that are loaded later are not seen.

    Parameters
    ----------
    seed : int
        The seed of all random numbers of the measurement.
    *packages : str
        More distributions whose versions matter, besides `PACKAGES`.

    Returns
    -------
    dict
        Plain JSON. `machine` holds the processor (`cpu`), the `cores` this process may use, the `system`, and
        torch's `threads` if torch is loaded. `blas` lists every BLAS library that is loaded, see `blas_libraries`.
        `versions` holds those of Python, of this project, and of the packages that are installed. `command` is the
        command line, `seed` the seed, and `date` the time in UTC.

    Examples
    --------
    >>> sorted(environment(0))
    ['blas', 'command', 'date', 'machine', 'seed', 'versions']
    >>> "absent" in environment(0, "absent")["versions"]
    False
    """
    return {
        "machine": _machine(),
        "blas": blas_libraries(),
        "versions": {"python": platform.python_version(), **_versions("strassen-tile", *PACKAGES, *packages)},
        "command": command_line(sys.argv),
        "seed": seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def blas_libraries() -> list[dict[str, Any]]:
    """List the BLAS libraries that this process has loaded.

    numpy and scipy each load one of their own. The kernel that a library chooses decides how fast it is, so it is
    recorded with its name.

    Returns
    -------
    list of dict
        The `library` ("openblas", "mkl", …), its `version`, the `architecture` its kernels are made for, and its
        number of `threads`. An entry is None if the library does not tell it.

    Examples
    --------
    >>> import numpy
    >>> {tuple(library) for library in blas_libraries()} <= {("library", "version", "architecture", "threads")}
    True
    """
    from threadpoolctl import threadpool_info

    return [_blas(one) for one in threadpool_info() if one.get("user_api") == "blas"]


def command_line(arguments: list[str]) -> str:
    """Write a command as it is typed: a command by its name, a script by its place below the current folder.

    A script that lies elsewhere is named with its own folder alone.

    Parameters
    ----------
    arguments : list[str]
        The arguments of a process, as in `sys.argv`.

    Returns
    -------
    str
        The command, quoted for a shell.

    Examples
    --------
    >>> command_line(["/usr/bin/stl-bench", "layer", "--rows", "64"])
    'stl-bench layer --rows 64'
    >>> command_line(["benchmarks/layer.py", "--ranks", "32"])
    'python benchmarks/layer.py --ranks 32'
    """
    program = Path(arguments[0])
    if program.suffix != ".py":
        return shlex.join([program.name, *arguments[1:]])
    with suppress(ValueError, OSError):
        program = program.resolve().relative_to(Path.cwd())
    place = "/".join(program.parts[-2:]) if program.is_absolute() else program.as_posix()
    return shlex.join(["python", place, *arguments[1:]])


def cpu_name() -> str:
    """Return the processor's name: as Linux reports it, or else as Python knows it.

    Returns
    -------
    str
        The name, such as "AMD EPYC".
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _machine() -> dict[str, Any]:
    torch = sys.modules.get("torch")  # not imported for this: it takes a second, and nothing else here needs it
    return {
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        **({} if torch is None else {"threads": torch.get_num_threads()}),
    }


def _blas(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "library": found.get("internal_api"),
        "version": found.get("version"),
        "architecture": found.get("architecture"),
        "threads": found.get("num_threads"),
    }


def _versions(*packages: str) -> dict[str, str]:
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
