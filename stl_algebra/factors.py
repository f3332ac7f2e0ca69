"""The three factors of a bilinear algorithm for a matrix product."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: One factor: a matrix with one row for each product.
Factor = NDArray[np.float64]
#: What serves as factors: `Factors`, or a plain tuple of three.
FactorsLike = tuple[Factor, Factor, Factor]


class Factors(NamedTuple):
    """The factors (u, v, w) of an encoder of ⟨n,m,p⟩ and rank r, with one row for each product.

    Parameters
    ----------
    u : ndarray of float64, shape (r, n·m)
        E_X, the linear forms of X.
    v : ndarray of float64, shape (r, m·p)
        E_W, the linear forms of W.
    w : ndarray of float64, shape (r, n·p)
        Dᵀ, the coefficients of each product in Y = XW.

    Examples
    --------
    >>> Factors(np.ones((7, 4)), np.ones((7, 4)), np.ones((7, 4)))
    Factors(u=(7, 4), v=(7, 4), w=(7, 4))
    """

    u: Factor
    v: Factor
    w: Factor

    def __repr__(self) -> str:
        return f"Factors(u={self.u.shape}, v={self.v.shape}, w={self.w.shape})"
