"""Bilinear algorithms: a product computed by few products of linear forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BilinearAlgorithm:
    """A bilinear map computed with r products: z = Σ_s (left[s]·x)(right[s]·y) output[s].

        left  (r, dim x)      right  (r, dim y)      output  (r, dim z)

    Raises InvalidInput where the numbers of rows differ.

    >>> BilinearAlgorithm(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1))).rank
    1
    """

    left: Array
    right: Array
    output: Array

    def __post_init__(self) -> None:
        if not len(self.left) == len(self.right) == len(self.output):
            raise InvalidInput("the three factors of a bilinear algorithm have one row for each product")

    @property
    def rank(self) -> int:
        """r, the number of products."""
        return len(self.left)

    @property
    def tensor(self) -> Array:
        """The bilinear map computed, shape (dim x, dim y, dim z)."""
        return np.einsum("sa,sb,sc->abc", self.left, self.right, self.output, optimize=True)

    def tensor_product(self, inner: BilinearAlgorithm) -> BilinearAlgorithm:
        """The algorithm for the tensor product of the two maps; ranks multiply, `inner` indices run fastest."""
        left, right, output = (
            np.kron(a, b).astype(np.float64)
            for a, b in ((self.left, inner.left), (self.right, inner.right), (self.output, inner.output))
        )
        return BilinearAlgorithm(left, right, output)
