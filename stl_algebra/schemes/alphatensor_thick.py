"""Encoders of ⟨3,3,5⟩, ⟨3,4,4⟩ and ⟨3,4,5⟩ of the ranks that AlphaTensor reached.

Source: Fawzi et al., Discovering faster matrix multiplication algorithms with reinforcement learning, Nature 610, 2022.
Coefficients are given in sparser bases of the same orbits where `stl_algebra.quality.sparsest` found some.
"""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_OF_335 = """
    a11-a13 * -b34 -> -c11-c13+c14-c15
    a11+a12 * b24 -> c14-c15-c34
    a11+a12+a31+a32 * b11+b12+b14 -> c34
    a11+a12+a32+a33 * b11-b34 -> c11+c15-c34
    a11+a12+a32 * b12+b14-b24+b34 -> c12-c34
    a11 * b14-b24+b34 -> -c12+c14-c24
    a11+a21 * -b11+b13+b14+b15 -> c24
    a11-a22 * -b11+b15+b24 -> c15-c24
    a11+a23 * b13-b34 -> c13-c24
    a12+a13 * b23 -> -c12+c13+c32-c33
    a12+a22 * -b21+b24+b25 -> c15
    a12+a32 * b12+b14-b22-b24+b32+b34 -> -c12
    a12+a13+a32+a33 * 2b11-2b21+b32-2b34 -> c32-c33
    a12+a13+a32+a33 * b11-b21-b34 -> -c11-c15-2c32+2c33
    a12+a13+a32 * -b23-b32 -> -c12+c32-c33
    a13 * b11-b21+b31 -> c11-c21
    a13-a22 * -b11+b21-b35 -> -c15-c21
    a13+a23 * b23-b33-b34 -> -c13
    a13+a23 * b31-b35 -> c21
    a21-a23 * b13 -> c23-c24+c33
    a21+a22 * -b11+b15 -> -c24+c25+c35
    a21+a22-a31+a33 * -b11-b35 -> -c21-c25-c35
    a21+a22-a31-a32 * b22+b23+b25 -> -c35
    a21+a22-a31 * -b15+b22+b23+b25-b35 -> c22+c35
    a21-a31 * b12+b13+b15-b22-b23-b25+b32+b33+b35 -> c22
    a21-a23-a31+a33 * -b35 -> c21+c25
    a21-a23-a31+a33 * -b32-b33 -> -c33
    a21-a23-a31 * -b13-b32-b33 -> c22+c33
    a22+a23 * b23 -> -c22+c23
    a22 * b15-b25+b35 -> c15+c22-c25
    a23 * b13-b23+b33 -> -c13-c22+c23
    a31-a33 * b11 -> c21+c25+c31-c34+c35
    a31 * b12 -> c22+c32-c34
    a32+a33 * b21 -> -c11-c15+c31
    a32 * b22+b23 -> -c12+c32-c35
    a33 * b11-b21+b31 -> c31
"""

_OF_344 = """
    a11 * b11-b13+b14+2b33+2b43 -> -c13
    a11 * b11+b14-b31 -> c11+c13+c31
    a11+a12+a13 * b31 -> c11-c12-c13
    a11-a12+a14+a22-a24-a31-a34 * b41 -> c11-c14
    2a11+a13-a23 * b31+b33+b43 -> c13
    a11-a31-a32 * b11+b12-b41 -> -c31
    a11-a31-a34 * b14+b41 -> -c11+c14-c31
    a11+a33 * b12+b31 -> c12+c31
    a12 * b21+b24-b31 -> c11-c12+c21
    a12+a13-a33 * b21+b22+b24 -> c12
    a12-a21-a22 * b21+b23+b41 -> -c21
    a12-a22+a24 * b24-b41 -> -c11+c14-c21
    a12+a23 * b23+b31 -> c13+c21
    a13-a14 * b34 -> -c12-c13+c14-c23+c24-c32+c34
    a13-a14+a21-a23+a24-a31-a34 * b43 -> c23-c24
    a13-a14+a22-a24-a32-a33+a34 * b42 -> c32-c34
    a13-a14-a23 * b34-b43 -> c13+c23-c24
    a13-a14-a33 * b34-b42 -> c12+c32-c34
    a13-a33 * b21+b22+b24-b31-b32-b42 -> -c12
    a14 * b34+b41+b44 -> c14
    a21 * b11-b21-b41 -> c21-c22+c31-c32
    a21 * b13+b14-b23 -> c23+c33
    a21+a22+a23 * b23 -> -c21+c23+c33
    a21-a31 * b12+b13-b43 -> -c33
    a21-a31-a33 * b12 -> c31-c32+c33
    a21-a31-a34 * b14+b43 -> -c23+c24-c33
    a21+a32 * b11+b12-b21-b41 -> c22-c31+c32
    a22+a23-a32 * b23-b32-b33-b34 -> -c22-c33
    a22+a23-a32-a33 * b32+b33+b34 -> -c33
    a22-a24 * b24 -> -c11+c14-c21-c22+c24-c32+c34
    a22-a24-a32 * b24-b42 -> c22+c32-c34
    a22-a32 * b22+b23-b32-b33-b34+b42 -> c22
    a23 * b23-b33-b34 -> -c13+c22-c23
    a24 * b24+b43+b44 -> c24
    a31+a34 * b14 -> -c11+c14-c23+c24-c31-c33+c34
    a32 * b11+b12-b21-b22-b24-b41 -> -c22-c32
    a33 * b12-b32-b34 -> -c12-c32+c33
    a34 * b14-b42-b44 -> -c34
"""

_OF_345 = """
    a11-a12 * b12 -> c11+c12+c22
    a11-2a12-a14-a21+a22-a24+a32+a34 * b22+b23-b24-b25 -> c22
    a11-a12-a21 * b12+b22+b23-b24-b25 -> -c13-c22
    a11-a13 * b14 -> c11+c13+c14+c23+c24+c31+c34
    2a11-a13+a14-a23+a24-2a31+a33-a34 * b41 -> -c31-c35
    a11-a13-a21 * b14+b33 -> -c13-c23-c24
    a11-a13-a21+a22+a23+a32+a33 * b33 -> c23+c24
    a11-a13-a23+a24-a31+a33 * b35+b41 -> c21+c31+c35
    a11-a13-a23-a31+a33 * b31+b41 -> -c21
    a11-a13-a31 * b14+b31-b35 -> -c11-c31-c34
    a11-a13-a31+a33 * b31-b35 -> c21+c31+c34
    a11+a14 * b15 -> c11+c13+c15+c23+c25+c31+c35
    a11+a14-a21 * b15-b43 -> -c13-c23-c25
    a11+a14-a21-a22-a24-a32-a34 * b43 -> -c23-c25
    a11+a14-a31 * b15+b35-b41 -> -c11-c31-c35
    a11-a21 * b12+b13+b22+b23-b24-b25+b33-b43 -> c13
    a11-a31 * b11-b12+b31-b41 -> c11
    a12 * b12+b22-b24-b25 -> c12-c13+c32
    a12+a14-a23+a24-a32-a34 * b32+b44 -> c12+c14-c22
    a12+a14+a24-a32-a34 * b22+b23-b24-b25+b32+b42 -> c22
    a12+a14-a32-a34 * b42-b44 -> c12+c15-c22
    a12-a31 * b12+b21 -> c11-c32
    a12-a32 * b21-b22+b32+b42 -> c32
    a12-a32-a33 * b24-b32-b44 -> c12+c14+c32
    a12-a32-a34 * b25-b42+b44 -> c12+c15+c32
    a13 * b14-b32+b34 -> c14
    a13+a14-a23+a24 * b35 -> c11+c15+c31+c35
    a13-a14+a23-a24-a33+a34 * b32 -> c12+c14
    a14 * b15+b35+b42-b44-b45 -> -c15
    a21 * b13-b14-b15 -> c13-c21+c23
    a21-a22+a31-a32 * b11+b13-b14-b15 -> c21
    a22 * b23-b24-b25 -> -c22+c23-c33
    a22-a31+a32 * b11+b13-b14-b15+b21 -> c21-c33
    a22+a32 * b11+b13-b14-b15+b21+b23-b33-b43 -> c33
    a22+a32+a33 * b24-b33 -> c23+c24-c33
    a22+a32+a34 * b25-b43 -> c23+c25-c33
    a23 * b33-b34-b44 -> -c24
    a23-a24 * b35 -> c11+c15+c21+c25+2c31+2c35
    a23-a24-a33+a34 * b44 -> c12+c14-c22-c24
    a24 * b35-b43+b45 -> c25
    a31 * b11-b14-b15+b21 -> c11+c31-c33
    a31-a32 * b21 -> c21-c31-c32
    a32+a33 * b24 -> c12+c14-c23-c24+c32+c33+c34
    a32+a34 * b25 -> c12+c15-c23-c25+c32+c33+c35
    a33 * b24+b31-b34-b35-b44 -> -c34
    a33-a34 * b44 -> -c22-c24-c32-c34
    a34 * b25+b41-b45 -> -c35
"""


def alphatensor_335() -> TileEncoder:
    """An exact encoder of ⟨3,3,5⟩ with rank 36 over Z.

    >>> alphatensor_335().rank
    36
    """
    return from_formulas(Format(3, 3, 5), _OF_335)


def alphatensor_344() -> TileEncoder:
    """An exact encoder of ⟨3,4,4⟩ with rank 38 over Z.

    >>> alphatensor_344().rank
    38
    """
    return from_formulas(Format(3, 4, 4), _OF_344)


def alphatensor_345() -> TileEncoder:
    """An exact encoder of ⟨3,4,5⟩ with rank 47 over Z.

    >>> alphatensor_345().rank
    47
    """
    return from_formulas(Format(3, 4, 5), _OF_345)
