"""Winograd's form of Strassen's algorithm, with 15 additions instead of 18."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_PRODUCTS = """
    a11 * b11 -> c11+c12+c21+c22
    a12 * b21 -> c11
    a11+a12-a21-a22 * b22 -> c12
    a22 * b11-b12-b21+b22 -> -c21
    a21+a22 * -b11+b12 -> c12+c22
    -a11+a21+a22 * b11-b12+b22 -> c12+c21+c22
    a11-a21 * -b12+b22 -> c21+c22
"""


def winograd() -> TileEncoder:
    """Build Winograd's exact encoder of ⟨2,2,2⟩ with rank 7 over Z.

    It has more coefficients than Strassen's but needs fewer additions.

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Winograd, On multiplication of 2×2 matrices, Linear Algebra Appl. 4, 1971.
    .. [2] Knuth, The Art of Computer Programming 2, §4.6.4 (the 15 additions).

    Examples
    --------
    >>> winograd().rank
    7
    """
    return from_formulas(Format(2, 2, 2), _PRODUCTS)
