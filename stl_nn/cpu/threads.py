"""How the work of a compiled kernel is shared among threads, and what a forked child may do."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event, Lock
from typing import Any

import torch
from numba import config, set_num_threads

#: Parts of the work for each thread: each part has memory of its own.
PARTS = 4
#: Numbers that a kernel makes in a part at least: threads take about as long to start as it takes to make these.
LEAST_PART = 1 << 13

# One caller at a time has numba's threads: not every threading layer can be entered from two.
_threads_are_taken = Lock()
_is_forked = Event()


def run_kernel(
    alone: Callable[..., None], in_parallel: Callable[..., None], arguments: tuple[Any, ...], chunks: int, out: Any
) -> None:
    """Run a kernel on all chunks of its work, in as many threads as torch uses if they are free.

    If another caller has them, or the work is little, this thread does all of it, as it does in a forked child, which
    has none of its parent's other threads.

    Parameters
    ----------
    alone : callable
        Called as alone(*arguments, begin, end, out), for chunks from `begin` up to `end`.
    in_parallel : callable
        Called as in_parallel(*arguments, parts, chunks, out), to cut the work into parts.
    arguments : tuple
        What both take first.
    chunks : int
        How many chunks there are.
    out : ndarray
        The array that is filled.
    """
    wanted = 1 if _is_forked.is_set() else torch.get_num_threads()
    parts = min(chunks, out.size // LEAST_PART, PARTS * wanted)
    if wanted == 1 or parts <= 1 or not _threads_are_taken.acquire(blocking=False):
        alone(*arguments, 0, chunks, out)
        return
    try:
        set_num_threads(min(wanted, config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        if torch.get_num_threads() != wanted:  # numba's threads, as they start, set OpenMP's number for torch as well
            torch.set_num_threads(wanted)
        in_parallel(*arguments, parts, chunks, out)
    finally:
        _threads_are_taken.release()


def _after_fork() -> None:
    """Keep a forked child to one thread, as torch's DataLoader keeps its workers.

    OpenMP's threads do not survive a fork: a parallel region of torch would wait for them without end, and numba ends
    the process.
    """
    _is_forked.set()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
