"""Reading and writing bfloat16 in code compiled by numba, which has no such type: as its bits in uint16.

A bfloat16 is the upper half of a float32. Each function is one vector loop in two kinds, chosen by dtype: for floats a
plain copy. Compiled code makes the choice as it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

Array = NDArray[Any]

_HALF = np.uint32(16)
_ONE = np.uint32(1)
_TIE = np.uint32(0x7FFF)
_NAN = np.uint16(0x7FC0)


def load(source: Array, target: Array) -> None:
    """Copy a vector to one of float32 from the bits of bfloat16, or to one of its own dtype.

    Parameters
    ----------
    source : ndarray
        (T,).
    target : ndarray
        (T,), which is filled.

    Examples
    --------
    >>> target = np.empty(2, np.float32)
    >>> load(np.array([0x3F80, 0xC000], np.uint16), target)
    >>> target.tolist()
    [1.0, -2.0]
    """
    (_widen if source.dtype == np.uint16 else _copy)(source, target)


def store(source: Array, target: Array) -> None:
    """Round a vector of float32 to the bits of bfloat16, to nearest and ties to even, or copy it to its own dtype.

    Parameters
    ----------
    source : ndarray
        (T,).
    target : ndarray
        (T,), which is filled.

    Examples
    --------
    >>> target = np.empty(2, np.uint16)
    >>> store(np.array([1.0, 1.0 + 3 / 256], np.float32), target)
    >>> [hex(bits) for bits in target.tolist()]
    ['0x3f80', '0x3f82']
    """
    (_round if target.dtype == np.uint16 else _copy)(source, target)


def widened(source: Array, buffer: Array) -> Array:
    """A vector in the dtype of a buffer.

    Parameters
    ----------
    source : ndarray
        (T,).
    buffer : ndarray
        At least as long.

    Returns
    -------
    ndarray
        The vector as it is, or from the bits of bfloat16 in the first places of the buffer.

    Examples
    --------
    >>> widened(np.array([0x3F80], np.uint16), np.zeros(2, np.float32)).tolist()
    [1.0]
    """
    result: Array = (_widen_all if source.dtype == np.uint16 else _as_it_is)(source, buffer)
    return result


def _copy(source: Array, target: Array) -> None:
    for t in range(len(source)):
        target[t] = source[t]


def _widen(source: Array, target: Array) -> None:
    bits = target.view(np.uint32)
    for t in range(len(source)):
        bits[t] = np.uint32(source[t]) << _HALF


def _round(source: Array, target: Array) -> None:
    bits = source.view(np.uint32)
    for t in range(len(source)):
        rounded = np.uint16((bits[t] + _TIE + ((bits[t] >> _HALF) & _ONE)) >> _HALF)
        target[t] = rounded if source[t] == source[t] else _NAN


def _widen_all(source: Array, buffer: Array) -> Array:
    load(source, buffer)
    return buffer[: len(source)]


def _as_it_is(source: Array, buffer: Array) -> Array:  # noqa: ARG001
    return source


@overload(load, inline="always", strict=False)
def _(source: types.Array, target: types.Array) -> Callable[..., Any]:  # noqa: ARG001
    return _widen if source.dtype == types.uint16 else _copy


@overload(store, inline="always", strict=False)
def _(source: types.Array, target: types.Array) -> Callable[..., Any]:  # noqa: ARG001
    return _round if target.dtype == types.uint16 else _copy


@overload(widened, inline="always", strict=False)
def _(source: types.Array, buffer: types.Array) -> Callable[..., Any]:  # noqa: ARG001
    return _widen_all if source.dtype == types.uint16 else _as_it_is
