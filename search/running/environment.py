"""What the last digits of a result depend on: the libraries that compute, the processor they compute for."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from search.running.one_thread import one_thread

#: What each figure of an environment is called in a sentence.
WORDS = {"blas": "BLAS", "cpu": "processor", "system": "system"}


@cache
def environment(*libraries: str) -> Mapping[str, str]:
    """Where a trial computes that needs these libraries besides numpy, scipy and numba, as short strings.

    blas      each BLAS of numpy and scipy: its name, version, kernel and threads
    cpu       the processor as LLVM compiles for it, and a digest of its features
    system    the operating system, the machine type and the C library
    numpy, …  versions of the libraries

    Where two environments are equal, a trial gives the same result to the last bit.

    >>> sorted(environment())
    ['blas', 'cpu', 'numba', 'numpy', 'scipy', 'system']
    """
    with one_thread(*libraries):
        found = {"blas": _blas(threadpool_info()), "cpu": _processor(), "system": _system()}
    found |= {name: version(name) for name in ("numba", "numpy", "scipy")}
    return found | ({"torch": _torch()} if "torch" in libraries else {})


def differences(recorded: Mapping[str, str] | None, libraries: tuple[str, ...] = ()) -> list[str]:
    """In which figures the environment here is another than one recorded, in words; nothing where it is the same.

    >>> differences(environment()), differences(None)
    ([], ['the machine was not recorded'])
    """
    if recorded is None:
        return ["the machine was not recorded"]
    here = environment(*libraries)
    return [
        f"{WORDS.get(name, name)} {recorded.get(name, 'unknown')}, here {here.get(name, 'none')}"
        for name in sorted(here.keys() | recorded.keys())
        if here.get(name) != recorded.get(name)
    ]


def _blas(pools: list[dict[str, Any]]) -> str:
    """Those of numpy and scipy where they bring their own, as wheels do; a process may have loaded others."""
    found = [pool for pool in pools if pool["user_api"] == "blas"]
    own = [pool for pool in found if {"numpy.libs", "scipy.libs", "numpy", "scipy"} & set(Path(pool["filepath"]).parts)]
    words = {
        f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')} ×{pool['num_threads']}"
        for pool in own or found
    }
    return ", ".join(sorted(words))


def _processor() -> str:
    from llvmlite import binding
    from numba import config

    name = getattr(config, "CPU_NAME", None) or binding.get_host_cpu_name()
    features = getattr(config, "CPU_FEATURES", None)
    flat = binding.get_host_cpu_features().flatten() if features is None else features
    return f"{name} {sha256(flat.encode()).hexdigest()[:6]}"


def _system() -> str:
    return " ".join(filter(None, (platform.system(), platform.machine(), *platform.libc_ver())))


def _torch() -> str:
    try:
        import torch
    except ImportError:
        return "none"
    return f"{torch.__version__} {torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'cpu'}"
