"""Holding the libraries that compute to one thread: the result then depends on nothing but the machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib import import_module
from threading import Lock

from threadpoolctl import ThreadpoolController

#: What brings the linear algebra that strategies compute with: numba's products of matrices go through scipy's.
LINEAR_ALGEBRA = ("numpy", "scipy.linalg")


@contextmanager
def one_thread(*libraries: str) -> Iterator[None]:
    """Within, numpy, scipy, numba and the other `libraries` named compute on one thread each.

    A limit holds only for what is loaded when it is set, so the libraries are imported first; those that are not
    installed are passed over. With another number of threads a library adds up in another order, so that a result
    differs in its last digits, and what descends from it in all of them.

    >>> from threadpoolctl import threadpool_info
    >>> with one_thread():
    ...     {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    {1}
    """
    for library in (*LINEAR_ALGEBRA, *libraries):
        with suppress(ImportError):
            import_module(library)
    _HELD.enter("torch" in libraries)
    try:
        yield
    finally:
        _HELD.leave()


class _Held:
    """The limits, held from the first thread of this process that asks for them until the last one is done."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holders = 0
        self._limits = ExitStack()
        self._torch_threads: int | None = None

    def enter(self, torch_too: bool) -> None:
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._limits.enter_context(_controller("torch" in sys.modules).limit(limits=1))
            if torch_too and self._torch_threads is None and (torch := sys.modules.get("torch")) is not None:
                self._torch_threads = torch.get_num_threads()
                torch.set_num_threads(1)

    def leave(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
            if self._torch_threads is not None:
                sys.modules["torch"].set_num_threads(self._torch_threads)
                self._torch_threads = None
            self._limits.close()


_HELD = _Held()


@cache
def _controller(with_torch: bool) -> ThreadpoolController:  # noqa: ARG001
    """The thread pools of what is loaded; looking for them takes longer than a short trial."""
    return ThreadpoolController()
