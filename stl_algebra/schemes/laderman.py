"""Laderman's algorithm for 3×3 matrices."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_PRODUCTS = """
    a11+a12+a13-a21-a22-a32-a33 * b22 -> c12
    a11-a21 * -b12+b22 -> c21+c22
    a22 * -b11+b12+b21-b22-b23-b31+b33 -> c21
    -a11+a21+a22 * b11-b12+b22 -> c12+c21+c22
    a21+a22 * -b11+b12 -> c12+c22
    a11 * b11 -> c11+c12+c13+c21+c22+c31+c33
    -a11+a31+a32 * b11-b13+b23 -> c13+c31+c33
    -a11+a31 * b13-b23 -> c31+c33
    a31+a32 * -b11+b13 -> c13+c33
    a11+a12+a13-a22-a23-a31-a32 * b23 -> c13
    a32 * -b11+b13+b21-b22-b23-b31+b32 -> c31
    -a13+a32+a33 * b22+b31-b32 -> c12+c31+c32
    a13-a33 * b22-b32 -> c31+c32
    a13 * b31 -> c11+c12+c13+c21+c23+c31+c32
    a32+a33 * -b31+b32 -> c12+c32
    -a13+a22+a23 * b23+b31-b33 -> c13+c21+c23
    a13-a23 * b23-b33 -> c21+c23
    a22+a23 * -b31+b33 -> c13+c23
    a12 * b21 -> c11
    a23 * b32 -> c22
    a21 * b13 -> c23
    a31 * b12 -> c32
    a33 * b33 -> c33
"""


def laderman() -> TileEncoder:
    """Build Laderman's exact encoder of ⟨3,3,3⟩ with rank 23 over Z.

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Laderman, A noncommutative algorithm for multiplying 3×3 matrices using 23 multiplications, Bull. Amer. Math.
       Soc. 82, 1976.

    Examples
    --------
    >>> laderman().rank
    23
    """
    return from_formulas(Format(3, 3, 3), _PRODUCTS)
