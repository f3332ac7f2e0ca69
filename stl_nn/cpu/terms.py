"""The matrices that kernels combine vectors by, filled up to multiples of four: dense, or by their entries alone."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Results and terms of a combination are multiples of this.
BLOCK = 4


class Terms(NamedTuple):
    """A matrix by its entries other than zero, row after row, with zeros to make multiples of BLOCK of each row's.

    Parameters
    ----------
    starts : ndarray
        Where each row begins, and the last one ends, (A + 1,).
    columns : ndarray
        Of the entries.
    coefficients : ndarray
        Of the entries.
    """

    starts: Array
    columns: Array
    coefficients: Array


@cache
def terms(matrix: tuple[tuple[float, ...], ...], depth: int, dtype: str) -> Terms:
    """The terms of a Kronecker power matrix ⊗ … ⊗ matrix.

    Parameters
    ----------
    matrix : tuple of tuple of float
        The matrix.
    depth : int
        The number of factors; of none the power is 1.
    dtype : str
        Of the coefficients.

    Returns
    -------
    Terms
        The terms.

    Examples
    --------
    >>> terms(((1.0, 0.0), (1.0, -1.0)), 1, "float32").coefficients.tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0]
    """
    power = np.ones((1, 1))
    for _ in range(depth):
        power = np.kron(power, np.array(matrix))
    rows = [np.flatnonzero(row) for row in power]
    columns = [np.pad(row, (0, -len(row) % BLOCK)) for row in rows]
    coefficients = [np.pad(whole[row], (0, -len(row) % BLOCK)) for whole, row in zip(power, rows, strict=True)]
    starts = np.cumsum([0, *map(len, columns)])
    return Terms(starts, np.concatenate(columns), np.concatenate(coefficients).astype(dtype))


def padded(matrix: Array) -> Array:
    """A matrix, contiguous, with zero rows and columns appended up to multiples of BLOCK.

    Parameters
    ----------
    matrix : ndarray
        (A, B).

    Returns
    -------
    ndarray
        The padded matrix.

    Examples
    --------
    >>> padded(np.ones((7, 4))).shape
    (8, 4)
    """
    rows, columns = matrix.shape
    return np.pad(matrix, ((0, -rows % BLOCK), (0, -columns % BLOCK)))
