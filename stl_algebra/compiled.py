"""Functions compiled by numba, kept on disk from one process to the next if the disk can be written."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from threading import Event
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

_log = logging.getLogger("strassen_tile")
_told = Event()


def njit(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile functions as `numba.njit` does, with a cache that can only help.

    If neither the installation nor the user's cache folder can be written, or the disk is full, the function is
    compiled anew in every process, and the log says so in one sentence.

    Parameters
    ----------
    cache : bool, default False
        Whether what is compiled is kept for the next process.
    **options : Any
        Options of `numba.njit`.

    Returns
    -------
    callable
        A decorator that compiles a function.

    Examples
    --------
    >>> @njit(cache=True)
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """

    def decorate(function: Callable[..., Any]) -> Any:
        compiled = numba.njit(**options)(function)
        if cache and hasattr(compiled, "enable_caching"):  # not under NUMBA_DISABLE_JIT
            try:
                compiled._cache = _Cache(compiled.py_func)
            except RuntimeError as error:  # numba found no folder to write to
                _tell(error)
        return compiled

    return decorate


class _Cache(FunctionCache):
    """Numba's cache, which takes what it cannot read for absent, and passes over what it cannot write."""

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        self._cache_file.__class__ = _LabelledFiles

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _tell(error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _tell(error)


class _LabelledFiles(IndexDataCacheFile):
    """Numba's cache files, in which compiled code says what it is.

    Numba numbers them. Two processes that compile one function for other types at the same time may take the same
    number, and then the index names one type's code for the other: called, it computes nonsense or ends the process.
    """

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (self._source_stamp, key, data))

    def load(self, key: Any) -> Any:
        held = super().load(key)
        fits = isinstance(held, tuple) and len(held) == 3 and held[:2] == (self._source_stamp, key)
        return held[2] if fits else None


def _tell(why: Exception) -> None:
    """Say once a process that functions are compiled without a cache."""
    if not _told.is_set():
        _told.set()
        _log.warning(
            "Compiled functions are not cached, so that each process compiles them anew (%s); "
            "to cache them set NUMBA_CACHE_DIR to a folder that can be written.",
            why,
        )
