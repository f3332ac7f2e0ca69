"""Encoders of ⟨2,3,4⟩, ⟨2,4,4⟩ and ⟨3,3,4⟩ that Benson and Ballard found by alternating least squares.

Source: Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
"""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_OF_234 = """
    -a11-a12-a21-a22 * -b11+b12 -> c11
    -a22-a32 * -b22+b23 -> c21+c22
    -a11 * -b13 -> c11+c12+c13
    -a12-a41-a42 * -b12+b13+b22 -> -c11-c12-c43
    a12+a42 * -b12+b13+b22-b23 -> -c43
    a32-a41 * b11+b22 -> c32+c33-c41
    -a21-a22 * b21-b22+b23 -> c11-c21
    a21+a31 * -b12+b13 -> c33
    -a32 * -b11+b21 -> c21+c22-c31+c33+c41
    a41+a42 * b22 -> -c11-c12-c41+c42
    -a41 * -b12+b22 -> -c32-c33+c42+c43
    a21-a32 * -b11+b21-b22+b23 -> -c21-c22-c33
    a32+a42 * b21+b22 -> c41
    a31+a32 * -b11 -> -c31+c32+c33
    a12 * b23 -> -c11+c13-c22-c23-c43
    -a31-a41 * -b11-b12 -> c32+c33
    a21 * -b11+b12-b13+b21-b22+b23 -> -c23+c33
    a12+a21+a22 * b11-b12-b21+b22-b23 -> -c11-c22-c23
    -a11-a12-a41-a42 * -b12+b13 -> c11+c12
    -a12-a22 * -b11+b12+b21-b22 -> c22+c23
"""

_OF_244 = """
    a11 * b11+b41 -> c11-c12+c21-c22+c31-c32+c41-c42
    a21+a22+a23+a32+a33-a41 * -b11-b12+b31 -> 1/2c21-c22+1/2c31+1/2c41
    a13 * b21-b31-b41 -> -c11-c12-c21-c22+c31+c32-c41-c42
    -a11+1/2a24+1/2a34 * b11+b12+b41 -> -c12+c21-c22+c31-c32+c41-c42
    a24-a32-a33+a42+a43-a44 * b21-b22 -> -c42
    -a12-a13 * b22+b42 -> -c11-c12+c41+c42
    -1/2a24-1/2a34 * b11+b12+b41+b42 -> -c12-c22-c32-c42
    1/2a21+1/2a23-1/2a24+1/2a31+1/2a33-1/2a34 * b11+b12 -> c21+c31+c41
    -a11+a41 * -b12 -> c21-c22+c31-c32+c41-c42
    -1/2a24+1/2a34 * b21-b22-b31+b32-b41+b42 -> -c12-c22+c32-c42
    a12+a13-a24+a44 * -b21+b22+b42 -> -c11+c41+c42
    a12+a13-a14+a24 * b42 -> -c12
    a12+a13-a22+a42 * -b21 -> -c41-c42
    -a11-a13+a14-a24+a44 * -b41 -> -c11
    -a24+a44 * b21-b22+b41-b42 -> -c11+c41
    1/2a22-1/2a31+1/2a32+1/2a41 * b11+b12+b21-b22-b31+b32 -> c21-c32+c41
    1/2a31-1/2a41 * b11-b12+b21-b22-b31+b32 -> c31-c32
    1/2a24+1/2a31+1/2a33-1/2a34-1/2a41-1/2a43 * b21-b22-b31+b32 -> c21-c31+c41
    -1/2a21-1/2a23+1/2a41+1/2a43 * -b31 -> c21-c31-c41
    1/2a22+1/2a32 * b11+b12+b21+b22-b31-b32 -> c31+c32
    -a13+1/2a24-1/2a34 * b21-b22-b31+b32-b41 -> -c12-c21-c22+c31+c32-c41-c42
    -a22-a23-a32-a33 * b11+b12-b31-b32 -> c22
    a32+a33 * -b32 -> c22-c32-c42
    a13+a22 * b22-b32 -> c21+c22-c31-c32+c41+c42
    -a22+a32+a33-a43 * b21-b22+b32 -> -1/2c21+1/2c31-1/2c41-c42
    a21-a41 * b11-b31 -> c21-c22
"""

_OF_334 = """
    a11 * b11+b31 -> c11+c31
    a12 * b21+b23 -> -c12+c13-c22+c23
    a32+a33 * -b13-b32-b33+b41+b42+b43 -> -c13-c33
    a14 * b31-b41 -> -c11+c13
    -a21 * -b11+b21-b31 -> c21-c31
    -a14-a32-a33 * b32-b41-b42-b43 -> c13-c32+c33
    -a31+a33+a34 * -b41 -> c21-c22-c23-c31+c32+c33
    -a11+a13+a14+a21-a23-a24+a31-a33-a34 * b12 -> -c21+c22+c23
    a22+a23 * -b12+b21+b22+b23+b31 -> c12+c22
    -a12+a22+a24 * b12-b22+b32 -> -c22+c23
    -a24+a31-a33-a34 * b12-b41 -> c21-c22-c23+c32
    -a11+a32+a33 * -b13+b31 -> c13+c31
    -a11+a13+a14-a22-a23 * -b12+b31 -> c12-c21+c22+c23
    -a31+a33 * b13-b41 -> c31-c33
    a12 * b21 -> c11-c13
    a12-a22-a23 * b12-b21-b22-b23+b32 -> -c12-c22+c23
    a32 * b13-b23+b33+b41+b43 -> c23-c33
    a14-a32-a34 * b41+b43 -> c32-c33
    -a21-a22 * b12+b21-b31 -> -c21+c23
    a11-a13-a14 * b31 -> -c11+c12+c13-c21+c22+c23
    a21-a32 * b13+b21-b31 -> c23-c31
    a24+a32+a33+a34 * b12+b41+b42+b43 -> c32
    a24 * b12-b22+b32+b41+b42 -> c22-c32
    -a13+a32+a33 * -b31-b33 -> c13
    -a14 * -b32+b42 -> -c12+c13-c32+c33
    a11-a21-a31 * b11+b13 -> -c31
    a12+a13+a14-a22-a23 * -b12-b32 -> -c12
    a23-a32 * b12-b21-b22-b23+b31+b32+b33 -> c23
    -a24+a32 * b12-b22+b32-b41-b43 -> c23-c32
"""


def benson_ballard_234() -> TileEncoder:
    """Build Benson and Ballard's exact encoder of ⟨4,2,3⟩, a permutation of ⟨2,3,4⟩, with rank 20 over Z.

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
    .. [2] Hopcroft, Kerr, On minimizing the number of multiplications necessary for matrix multiplication, 1971 (the
       rank).

    Examples
    --------
    >>> benson_ballard_234().rank
    20
    """
    return from_formulas(Format(4, 2, 3), _OF_234)


def benson_ballard_244() -> TileEncoder:
    """Build Benson and Ballard's exact encoder of ⟨4,4,2⟩, a permutation of ⟨2,4,4⟩, with rank 26 over Z[1/2].

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
    .. [2] Hopcroft, Kerr, On minimizing the number of multiplications necessary for matrix multiplication, 1971 (the
       rank).

    Examples
    --------
    >>> benson_ballard_244().rank
    26
    """
    return from_formulas(Format(4, 4, 2), _OF_244)


def benson_ballard_334() -> TileEncoder:
    """Build Benson and Ballard's exact encoder of ⟨3,4,3⟩, a permutation of ⟨3,3,4⟩, with rank 29 over Z.

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Benson, Ballard, A framework for practical parallel fast matrix multiplication, PPoPP 2015.
    .. [2] Smirnov, The bilinear complexity and practical algorithms for matrix multiplication, 2013 (the rank).

    Examples
    --------
    >>> benson_ballard_334().rank
    29
    """
    return from_formulas(Format(3, 4, 3), _OF_334)
