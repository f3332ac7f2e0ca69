"""Schönhage's approximate algorithm for 3×3 matrices."""

from __future__ import annotations

import numpy as np

from stl_algebra.format import Format
from stl_algebra.schemes.epsilon import EpsilonFamily


def schonhage() -> EpsilonFamily:
    """Build the approximate family of ⟨3,3,3⟩ with rank 21, two below the best exact rank known.

    Its coefficients run from ε⁻² to ε².

    Returns
    -------
    EpsilonFamily
        The family.

    Notes
    -----
    There are two blocks of products (i, j), for l = 2 and 3,

        (a_i1 + ε² a_jl) (b_li + β_l b_1j),   β₂ = ε² for i = j and −ε else,   β₃ = 0 for i = j and ε else,

    and one row of products a_i1 (b_2i + b_3i). Scaled by ε⁻², block products (i, j) and the negative of row product i
    leave a_j2 b_2i + a_j3 b_3i in c_ji, and a_i1 b_1i in c_ii. Scaled by ε⁻¹, differences of block 3 give a_i1 b_1j in
    c_ij.

    References
    ----------
    .. [1] Schönhage, Partial and total matrix multiplication, SIAM J. Comput. 10, 1981.

    Examples
    --------
    >>> schonhage().rank
    21
    """
    rank = 21
    x = {power: np.zeros((rank, 3, 3), dtype=np.int64) for power in (0, 2)}
    w = {power: np.zeros((rank, 3, 3), dtype=np.int64) for power in (0, 1, 2)}
    d = {power: np.zeros((3, 3, rank), dtype=np.int64) for power in (-2, -1)}
    for i in range(3):
        row = 18 + i
        x[0][row, i, 0] = 1
        w[0][row, 1:, i] = 1
        for j in range(3):
            d[-2][j, i, row] = -1
            for block in (1, 2):
                s = 9 * (block - 1) + 3 * i + j
                x[0][s, i, 0] = 1
                x[2][s, j, block] = 1
                w[0][s, block, i] = 1
                d[-2][j, i, s] = 1
            if i == j:
                w[2][3 * i + j, 0, j] = 1
            else:
                w[1][3 * i + j, 0, j] = -1
                w[1][9 + 3 * i + j, 0, j] = 1
                d[-1][i, j, 9 + 3 * i + j] += 1
                d[-1][i, j, 9 + 3 * i + i] -= 1
    return EpsilonFamily(
        Format(3, 3, 3),
        {power: m.reshape(rank, 9) for power, m in x.items()},
        {power: m.reshape(rank, 9) for power, m in w.items()},
        {power: m.reshape(9, rank) for power, m in d.items()},
    )
