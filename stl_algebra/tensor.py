"""The matrix-multiplication tensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: Formats with more scalar products than this are refused: the tensor has (n·m·p)² entries.
MAX_PRODUCTS = 4096


def check_products(format: Format) -> None:
    """Refuse a format whose tensor would be too large.

    Parameters
    ----------
    format : Format
        The format.

    Raises
    ------
    InvalidInput
        If the format has more than MAX_PRODUCTS products.
    """
    if format.products > MAX_PRODUCTS:
        raise InvalidInput(
            f"format {format} has {format.products} products; tiles up to {MAX_PRODUCTS} products are supported"
        )


def matmul_tensor(format: Format) -> NDArray[np.float64]:
    """Build the matrix-multiplication tensor T of ⟨n,m,p⟩.

    T[a,b,c] = 1 exactly if a = (i,j), b = (j,k), c = (i,k), all row-major; contracting T with vec(X) and vec(W) gives
    vec(XW).

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.

    Returns
    -------
    ndarray of float64, shape (n·m, m·p, n·p)
        The tensor, with entries 0 and 1.

    Raises
    ------
    InvalidInput
        If the format has more than MAX_PRODUCTS products.

    References
    ----------
    .. [1] Bürgisser, Clausen, Shokrollahi, Algebraic Complexity Theory, 1997, §14.2.

    Examples
    --------
    >>> int(matmul_tensor(Format(2, 3, 4)).sum())
    24
    """
    format = Format(*format)
    check_products(format)
    n, m, p = format
    tensor = np.zeros(format.sizes)
    i, j, k = np.indices((n, m, p)).reshape(3, -1)
    tensor[i * m + j, j * p + k, i * p + k] = 1.0
    return tensor
