"""Encoders of ⟨2,3,5⟩, ⟨2,4,5⟩ and ⟨2,5,5⟩ of the ranks that AlphaTensor reached.

Source: Fawzi et al., Discovering faster matrix multiplication algorithms with reinforcement learning, Nature 610, 2022.
Coefficients are given in sparser bases of the same orbits where `stl_algebra.quality.sparsest` found some.
"""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_OF_235 = """
    a11-a21 * b11-b13-b14+b31-b34 -> -c14
    a11-a21 * b13 -> -c12+c13-c14
    -a12+a13+a22-a23 * b33 -> -c23
    -a12+a13 * b12+b13-b23-b25+b32 -> c13+c23
    -a12+a13+a22 * b23+b25+b33 -> c13-c15+c23
    -a12+a13-a21 * b12+b13+b32 -> c12-c13-c23
    a11+a12 * b11+b31 -> c11+c14
    a13 * b15+b23+b25+b33+b35 -> c15
    a12-a22 * b21-b24 -> -c21
    a12-a22 * b23+b33 -> c13-c15
    a11+a12-a13 * b12+b13-b31 -> c12
    a12+a21 * b11-b24+b31 -> -c14+c21
    a12 * b11-b21-b22-b32 -> -c11-c21
    a12+a21-a23 * b22+b31+b32 -> -c11+c12-c21
    -a11+a13+a21-a23 * b31 -> c11-c12
    -a11+a13+a21-a23 * b34 -> -c24-c25
    -a11+a13+a21 * b15+b34 -> c14+c24+c25
    -a11+a13 * b15 -> -c14-c15-c24-c25
    a21 * b12+b32 -> c12-c13+c22-c23
    a21 * b14-b15-b24 -> c14+c24
    a21+a22 * b24 -> c21+c24
    a23 * b34-b35 -> -c25
    a22 * b25 -> -c13+c15-c23+c25
    a21+a22-a23 * b22 -> c22
    -a21+a23 * b22+b32 -> -c11+c12-c21+c22
"""

_OF_245 = """
    a11+a13-a21-a23 * b34 -> c14
    a11+a13-a21-a23 * b15 -> c11+c13+c15
    a11+a12-a21-a22 * -b14+b34+b44 -> -c22+c24
    a11-a12+a14 * b21 -> -c11+c14
    a11+a12 * b12 -> c12-c14+c22-c24
    a11+a12-a21-a23 * b12+b14-b34-b44 -> c14-c22+c24
    a11+a14-a21-a24 * -b11+b13-b44 -> c21
    a11+a14-a22 * b21-b44 -> -c14-c21
    a11+a14-a24 * -b11+b13+b41 -> c13-c21
    a11+a14 * b21+b41 -> c11+c21
    a11 * b11-b15-b41 -> c11+c13
    a12-a22 * -b14+b21+b24+b34+b44 -> c14
    a12-a22 * b25 -> c12+c15
    a12-a13-a14-a22+a23+a24 * b23 -> c22-c23
    a12-a13-a14+a24 * b23-b42 -> c13-c22+c23
    a12-a13-a14 * b42 -> -c12+c13-c22+c23
    a12-a13 * b12-b22+b25-b42 -> -c12
    a13-a23 * b15+b23-b31+b33-b35 -> c25
    a13-a14 * b45 -> -c13-c15
    a13-a21-a23 * -b15+b31 -> c11+c13+c15+c25
    a13-a22 * -b12+b22-b25+b32 -> c12+c15+c25
    a13 * -b12+b22-b25+b31+b32-b35-b45 -> -c15-c25
    a13-a24 * b23-b31+b33+b45 -> c13-c25
    a14-a24 * -b11+b13-b23+b41-b43+b45 -> -c13
    a21+a23 * b31 -> c11+c13+c15+c21+c23+c25
    a21+a22+a23 * b12+b14-b44 -> c14+c24
    a21-a22+a24 * b44 -> -c21+c24
    a21 * b13-b31 -> c21+c23
    a22 * b12+2b14-b24-b34-3b44 -> -c14-c24
    a22 * -b12+b22+b32 -> c12+c15+c22+c25
    a22-a23 * b12+b14+b23-b32-b34-b44 -> c22
    a23-a24 * b23-b31+b33 -> c23+c25
    a24 * b23-b31+b33+b42+b43 -> c13+c23
"""

_OF_255 = """
    a11+a12 * b11-b14 -> c11+c12-c21-c22
    a11+a12-a13 * b14 -> c11+c12+c14
    a12-a13-a21 * b14+b32 -> -c12-c21-c24
    -a21-a22+a23 * b32 -> c21+c22+c24
    a11-a14 * b13 -> c12+c13
    -a14-a21 * b13+b42 -> -c12-c23
    -a21+a24 * b42 -> c22+c23
    a11+a15 * b15 -> c12+c15
    a15-a21 * b15-b52 -> -c12-c25
    -a21-a25 * b52 -> -c22-c25
    -a21 * b11-b12-b14-b32-b42+b52 -> -c12+c22
    a12 * -b11+b14+b21+b23-b25+b31-b45 -> c11
    a13+a14 * b33 -> c13-c14
    a14-a23 * b33+b44 -> c14-c23
    -a23-a24 * b44 -> c23-c24
    a13-a15 * b35 -> c14+c15
    -a15-a23 * b35+b54 -> -c14-c25
    -a23+a25 * b54 -> c24+c25
    -a23 * b31-b34+b44-b54 -> -c14+c24
    a12-a14+a15 * b45 -> c11-c13-c15
    a15-a22+a24 * b45+b53 -> -c11+c13+c25
    -a22+a24-a25 * b53 -> c21-c23-c25
    -a22+a24 * b41-b53 -> -c11+c13+c21-c23
    -a22-a25 * b51+b53 -> c11+c15-c21-c25
    a11+a12+a21 * b11-b14-b22-b32 -> -c12+c21+c22
    -a22 * b21-b22-b24-b32+b41-b51-b53 -> -c21
    a12-a13-a23 * b24+b31 -> c14-c21-c24
    a14-a22+a24 * b23-b41 -> -c11+c13-c23
    -a15-a22-a25 * b25+b45-b51-b53 -> c11+c15-c25
    -a12+a13 * b14+b31 -> c11+c14-c21-c24
    a14 * b13-b33+b41+b43 -> c13-c23
    a15 * b15-b35-b45+b51+b53-b55 -> -c15+c25
    a11+a12+a21+a22 * b22+b32 -> c21+c22
    a11+a21 * -b12+b13+b14+b15+b22+b32 -> -c12
    a13+a23 * b24+b33+b34-b35 -> c14
    a12-a14+a22-a24 * b23+b45 -> -c11+c13
    a12+a15+a22+a25 * b25+b45 -> c11+c15
    -a12+a13-a22+a23 * b24+b32 -> -c21-c24
    a14+a24 * b23-b42+b43+b44 -> c23
    a15+a25 * b25+b45+b52+b53+b54-b55 -> -c25
"""


def alphatensor_235() -> TileEncoder:
    """An exact encoder of ⟨2,3,5⟩ with rank 25 over Z.

    >>> alphatensor_235().rank
    25
    """
    return from_formulas(Format(2, 3, 5), _OF_235)


def alphatensor_245() -> TileEncoder:
    """An exact encoder of ⟨2,4,5⟩ with rank 33 over Z.

    >>> alphatensor_245().rank
    33
    """
    return from_formulas(Format(2, 4, 5), _OF_245)


def alphatensor_255() -> TileEncoder:
    """An exact encoder of ⟨2,5,5⟩ with rank 40 over Z.

    >>> alphatensor_255().rank
    40
    """
    return from_formulas(Format(2, 5, 5), _OF_255)
