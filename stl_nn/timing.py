"""Timing several ways to do one thing against each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch

from stl_algebra import InvalidInput

#: Times every candidate is run; the first run, which may compile, is not counted.
REPEATS = 5


def median_seconds(
    candidates: Mapping[str, Callable[[], Any]], device: torch.device, repeats: int = REPEATS
) -> dict[str, float]:
    """Median seconds of each of several ways to do one thing.

    They take turns, so that what disturbs the machine disturbs them alike. Each one's first run, which may compile,
    does not count.

    Parameters
    ----------
    candidates : mapping
        What to time, by name.
    device : device
        The device it runs on.
    repeats : int
        Runs of each that count.

    Returns
    -------
    dict
        Seconds by name.

    Examples
    --------
    >>> sorted(median_seconds({"a": lambda: None, "b": lambda: None}, torch.device("cpu")))
    ['a', 'b']
    """
    for call in candidates.values():
        seconds(call, device)
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, call in candidates.items():
            taken[name].append(seconds(call, device))
    return {name: median(values) for name, values in taken.items()}


def seconds(call: Callable[[], Any], device: torch.device) -> float:
    """The seconds of one call, by a GPU's own clock if it runs there.

    Parameters
    ----------
    call : callable
        What to time.
    device : device
        The device it runs on.

    Returns
    -------
    float
        Seconds.
    """
    if device.type == "cuda":
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        call()
        end.record()
        torch.cuda.synchronize(device)
        return start.elapsed_time(end) / 1e3
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def check_device(name: str) -> torch.device:
    """The device of a name.

    Parameters
    ----------
    name : str
        "cpu", "cuda" or "cuda:NUMBER".

    Returns
    -------
    device
        The device.

    Raises
    ------
    InvalidInput
        If the device is unknown, absent, or no CPU or CUDA device.

    Examples
    --------
    >>> check_device("cpu")
    device(type='cpu')
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InvalidInput(f"unknown device {name!r}; use cpu or cuda") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidInput("no CUDA device is available here; use --device cpu")
    if device.type not in ("cpu", "cuda"):
        raise InvalidInput(f"nothing can be timed on {device}; use cpu or cuda")
    return device
