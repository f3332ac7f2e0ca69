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

    Parameters
    ----------
    left : ndarray of float64, shape (r, dim x)
        The linear forms of x.
    right : ndarray of float64, shape (r, dim y)
        The linear forms of y.
    output : ndarray of float64, shape (r, dim z)
        The coefficients of each product in z.

    Raises
    ------
    InvalidInput
        If the numbers of rows differ.

    Examples
    --------
    >>> BilinearAlgorithm(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1))).rank
    1
    """

    left: Array
    right: Array
    output: Array

    def __post_init__(self) -> None:
        if not len(self.left) == len(self.right) == len(self.output):
            raise InvalidInput("the three factors of a bilinear algorithm have one row for each product")

    def __repr__(self) -> str:
        x, y, z = (factor.shape[1] for factor in (self.left, self.right, self.output))
        return f"BilinearAlgorithm({x}x{y} to {z}, rank={self.rank})"

    @property
    def rank(self) -> int:
        """The number r of products."""
        return len(self.left)

    @property
    def tensor(self) -> Array:
        """The bilinear map that is computed, of shape (dim x, dim y, dim z)."""
        tensor: Array = np.einsum("sa,sb,sc->abc", self.left, self.right, self.output, optimize=True)
        return tensor

    def tensor_product(self, inner: BilinearAlgorithm) -> BilinearAlgorithm:
        """Build the algorithm for the tensor product of two maps; ranks multiply.

        Parameters
        ----------
        inner : BilinearAlgorithm
            The other algorithm; its indices run fastest.

        Returns
        -------
        BilinearAlgorithm
            The algorithm, of rank r·r′.
        """
        left, right, output = (
            np.kron(a, b).astype(np.float64)
            for a, b in ((self.left, inner.left), (self.right, inner.right), (self.output, inner.output))
        )
        return BilinearAlgorithm(left, right, output)
