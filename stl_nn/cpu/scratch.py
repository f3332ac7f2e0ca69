"""Scratch memory that is used again from call to call."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Idle blocks larger than this are given back to the system.
KEPT_BYTES = 1 << 28
_LINE = 64

# numpy's, not torch's: a tensor made in inference mode must not be written outside of it.
# No lock, which a child forked meanwhile would find taken for ever: taking and adding are atomic by themselves.
_idle: deque[NDArray[np.uint8]] = deque(maxlen=1)


class Scratch:
    """Uninitialised tensors cut one after the other from one block of memory, each a whole number of cache lines.

    Parameters
    ----------
    block : ndarray
        The memory, of bytes.

    Examples
    --------
    >>> Scratch(np.empty(256, np.uint8)).take((2, 3), torch.float32).shape
    torch.Size([2, 3])
    """

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self._block = block
        self._at = -block.ctypes.data % _LINE

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The next tensor.

        Parameters
        ----------
        shape : tuple of int
            Its shape.
        dtype : dtype
            Its dtype.

        Returns
        -------
        Tensor
            The tensor, uninitialised.
        """
        size = torch.Size(shape).numel() * dtype.itemsize
        piece = torch.from_numpy(self._block[self._at : self._at + size])
        self._at += lines(size)
        return piece.view(dtype).view(shape)


@contextmanager
def scratch(size: int) -> Iterator[Scratch]:
    """Scratch memory that is the caller's until the context ends.

    A fresh buffer costs a page fault for every page first touched, which on a virtual machine can take longer than the
    matrix products that use it; so one block is kept between calls. Calls from several threads, or within each other,
    get blocks of their own.

    Parameters
    ----------
    size : int
        Bytes of all tensors together, each counted as `lines` counts it.

    Yields
    ------
    Scratch
        The memory.

    Examples
    --------
    >>> with scratch(8) as outer, scratch(8) as inner:
    ...     outer.take((2,), torch.float32).data_ptr() != inner.take((2,), torch.float32).data_ptr()
    True
    """
    size += _LINE
    block = _pop()
    if block is None or len(block) < size:
        block = np.empty(size, np.uint8)
    try:
        yield Scratch(block)
    finally:
        _keep(block)


def lines(size: int) -> int:
    """Bytes, rounded up to whole cache lines.

    Parameters
    ----------
    size : int
        The number of bytes.

    Returns
    -------
    int
        The number, rounded up.

    Examples
    --------
    >>> lines(65)
    128
    """
    return -(-size // _LINE) * _LINE


def _keep(block: NDArray[np.uint8]) -> None:
    """Keep the larger of this block and the one that is idle, if it is not too large."""
    if len(block) > KEPT_BYTES:
        return
    other = _pop()
    _idle.append(block if other is None or len(other) < len(block) else other)


def _pop() -> NDArray[np.uint8] | None:
    """The idle block, which is then the caller's alone."""
    try:
        return _idle.pop()
    except IndexError:
        return None
