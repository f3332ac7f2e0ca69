"""The approximate algorithm of Bini, Capovani, Lotti and Romani for ⟨3,2,2⟩."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.format import Format
from stl_algebra.schemes.epsilon import EpsilonFamily

Terms = dict[int, NDArray[np.int64]]


def bini() -> EpsilonFamily:
    """Build the approximate family of ⟨3,2,2⟩ with rank 10, one below the exact rank 11.

    Its coefficients run from ε⁻¹ to ε.

    Returns
    -------
    EpsilonFamily
        The family.

    Notes
    -----
    Two copies of a rank-5 approximation of the product with a 2×2 matrix that lacks one entry overlap in the middle row
    of X; the second copy is turned by half a circle.

    References
    ----------
    .. [1] Bini, Capovani, Lotti, Romani, O(n^2.7799) complexity for n×n approximate matrix multiplication, Inf.
       Process. Lett. 8, 1979.

    Examples
    --------
    >>> bini().rank
    10
    """
    x, w, d = _partial()
    # Reversing all three axes of ⟨3,2,2⟩ reverses the row-major order of the entries of X, W and Y.
    return EpsilonFamily(
        Format(3, 2, 2),
        {power: np.concatenate([m, m[:, ::-1]]) for power, m in x.items()},
        {power: np.concatenate([m, m[:, ::-1]]) for power, m in w.items()},
        {power: np.concatenate([m, m[::-1]], axis=1) for power, m in d.items()},
    )


def _partial() -> tuple[Terms, Terms, Terms]:
    """Five products for [a11 a12; 0 a22] times W, on the first two rows of X."""
    a11, a12, _, a22 = np.eye(6, dtype=np.int64)[:4]
    b11, b12, b21, b22 = np.eye(4, dtype=np.int64)
    none_x, none_w = np.zeros(6, dtype=np.int64), np.zeros(4, dtype=np.int64)
    x = {0: np.array([a11 + a22, a22, a11, a22, a11]), 1: np.array([none_x, none_x, none_x, a12, a12])}
    w = {0: np.array([b22, -b21 - b22, b22, b21, b22]), 1: np.array([b11, none_w, none_w, -b11, b12])}
    d = {-1: np.zeros((6, 5), dtype=np.int64), 0: np.zeros((6, 5), dtype=np.int64)}
    d[-1][0, :4] = 1, 1, -1, 1  # c11 ≈ (p1 + p2 − p3 + p4) / ε
    d[-1][1, [2, 4]] = -1, 1  # c12 ≈ (p5 − p3) / ε
    d[0][2, 3] = 1  # c21 ≈ p4, but for a21 b11
    d[0][3, [0, 4]] = 1, -1  # c22 ≈ p1 − p5, but for a21 b12
    return x, w, d
