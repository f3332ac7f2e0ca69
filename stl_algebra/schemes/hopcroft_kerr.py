"""Hopcroft and Kerr's algorithm for ⟨3,3,2⟩ and its rotations."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_PRODUCTS = """
    a11-a12+a31 * b12 -> c11+c12
    a11+a13-a21 * b11-b12 -> c11
    -a21+a22+a32 * b21 -> c21+c22
    a21 * b11+b21 -> c11+c21
    a12-a21 * b12+b21 -> c11-c22
    -a31 * -b11+b31 -> -c11-c12+c31+c32
    a23+a31+a33 * b31 -> c31
    a13-a31 * -b11+b12+b31 -> c11+c12-c32
    a12-a22-a23 * b21-b22 -> c22
    a12 * b12+b22 -> c12+c22
    -a32 * -b22+b32 -> -c21-c22+c31+c32
    a13+a32+a33 * b32 -> c32
    -a23 * -b21+b22+b31-b32 -> -c21+c31
    -a23+a32 * b21-b22+b32 -> -c21-c22+c31
    a13 * -b11+b12+b31-b32 -> -c12+c32
"""


def hopcroft_kerr_233() -> TileEncoder:
    """Build Hopcroft and Kerr's exact encoder of ⟨3,3,2⟩, a rotation of ⟨2,3,3⟩, with rank 15 over Z.

    Rank 15 is optimal over GF(2).

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Hopcroft, Kerr, On minimizing the number of multiplications necessary for matrix multiplication, SIAM J.
       Appl. Math. 20, 1971.
    .. [2] Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015 (the
       coefficients).

    Examples
    --------
    >>> hopcroft_kerr_233().rank
    15
    """
    return from_formulas(Format(3, 3, 2), _PRODUCTS)
