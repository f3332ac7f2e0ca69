"""The matrix-multiplication tensor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: Formats with more scalar products than this are refused: the tensor has (n·m·p)² entries.
MAX_PRODUCTS = 4096


def matmul_tensor(format: Format) -> NDArray[np.float64]:
    """The tensor T of ⟨n,m,p⟩, of shape (n·m, m·p, n·p), entries 0 and 1.

    T[a,b,c] = 1 exactly where a = (i,j), b = (j,k), c = (i,k), all row-major: contracting with vec(X)
    and vec(W) gives vec(XW). Raises InvalidInput for more than MAX_PRODUCTS products.

    >>> int(matmul_tensor(Format(2, 3, 4)).sum())
    24

    Source: Bürgisser, Clausen, Shokrollahi, Algebraic Complexity Theory, 1997, §14.2.
    """
    format = Format(*format)
    if format.products > MAX_PRODUCTS:
        raise InvalidInput(
            f"format {format} has {format.products} products; tiles up to {MAX_PRODUCTS} products are supported"
        )
    n, m, p = format
    tensor = np.zeros(format.sizes)
    i, j, k = np.indices((n, m, p)).reshape(3, -1)
    tensor[i * m + j, j * p + k, i * p + k] = 1.0
    return tensor
