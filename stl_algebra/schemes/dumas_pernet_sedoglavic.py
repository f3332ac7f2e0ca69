"""The exact algorithm of Dumas, Pernet and Sedoglavic for 4×4 matrices with 48 products."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.schemes.formulas import from_formulas

_PRODUCTS = """
    a12-a13 * b11+b12-b14-b31-b32+b34 -> c11-c21-c41
    -a14-a24-a44 * b22+b23+b24-b42-b43-b44 -> c42
    a13+a33+a43 * -b21+b23+b24-b31+b33+b34+b41-b43-b44 -> c13+c33-c43
    1/2a12-a31+1/2a32+a34 * -b21-b31+1/2b41-1/2b43 -> -2c11+c12-c14+c21-c23+c24+c32-2c33+c34+c41-c42+c43
    -a21-a23+a31+a33+a41+a43 * b13+b43 -> -c32+c33-c34
    -a24 * b12-b32+b42 -> -c22-c32+c42
    a13+a23-a33 * b21+b22+b23+b31+b32+b33 -> c13-c23-c33
    a12+a14+a32+a34+a42+a44 * -b11+b13+b14-b41+b43+b44 -> c34
    -a13-1/2a21-a23-1/2a41-a43 * b12+b13+b14-1/2b32-1/2b34 -> c12+c14-c23-c43
    -a41+a42-a43 * b24-b44 -> c41-c42+c44
    -a14-a24+a34 * b11+b12+b13+b41+b42+b43 -> c32
    -1/2a21+1/2a41-a42-a44 * b14-b34+1/2b41-1/2b43 -> c11-c13+c14-c21+c23-2c24-c34-c41+c43
    a41+a43 * b24+b34-b44 -> -c12+c13-c14-c32+c33-c34+c42-c43+c44
    a31-a34 * b21+b31-b41 -> c11-c12+c13+c31-c32+c33-c41+c42-c43
    1/2a12-a13+1/2a32-a33-a43 * -b21+b23+b24-b31-1/2b32+1/2b34+b41-b43-b44 -> c13+c33+c41-c43
    a42+a44 * b14-b34+b44 -> -c24-c34+c44
    -1/2a12-a21+a24+a31-1/2a32-a34+a41-a42-a44 * -b23-1/2b41+1/2b43 -> -c21+c23-c24+c41-c42+c43
    -a21+a24 * b12-b32 -> -c11+c12-c13+c21-c22+c23+c41-c42+c43
    -1/2a21+a24+1/2a41 * b12-b32-1/2b41-1/2b43 -> c11-c12+c13-c21-c23-c32-c41+2c42-c43
    a11-a14+a21-a24-a31+a34 * b11+b12+b13 -> c11-c12+c13
    -a14 * b21+b22-b24+b31+b32-b34-b41-b42+b44 -> c12+c32-c42
    a12+a14+1/2a21-a31+a32+a34-1/2a41+a42+a44 * -b11+b13+b14-1/2b41+1/2b43 -> -c11+c13-c14-c34
    a21+a23 * -b22-b32 -> c12-c13+c14-c22+c23-c24-c32+c33-c34
    a11+a13+a21+a23+a41+a43 * b12+b13+b14 -> c12-c13+c14
    -1/2a21-a23+a33+1/2a41+a43 * b13+1/2b32+1/2b34+b43 -> -c23+c32-2c33+c34+c43
    -a11+a12-a13 * b11+b12-b14 -> c11-c12+c14
    -a21+a22+a24+a31-a32-a34+a41-a42-a44 * b23 -> -c21+c23-c24
    a12-a13+1/2a21+1/2a41 * b11+b12-b14-1/2b32+1/2b34 -> -2c11+c12-c14+c21+c41
    -a13-a23-a43 * b12+b13+b14-b32-b33-b34 -> -c13+c23+c43
    a31-a32-a34 * -b21-b31 -> -c11+c13-c14+c21-c23+c24+c31-c33+c34
    a12+a14+a22+a24+a42+a44 * b22+b23+b24 -> c24
    a14-1/2a21+a24+a31-a34+1/2a41 * b11+b12+b13+1/2b41+1/2b43 -> c11-c12+c13+c32
    a23-a33-a43 * b13-b33+b43 -> -c23-c33+c43
    1/2a12+a14+1/2a32 * -b21-b22+b24-b31-b32+b34+1/2b41-1/2b43-b44 -> -c12-c14+c24-c32+c34+c42
    1/2a21-a32+a33-1/2a41 * -b11-1/2b32+1/2b34-b41 -> -c21-c32+c34+c41
    a11-a12-a14+a31-a32-a34+a41-a42-a44 * b11-b13-b14 -> c11-c13+c14
    a21-a22+a23 * b22 -> c21-c22+c24
    1/2a12+a21+a23-1/2a32 * b22+1/2b32-1/2b34 -> c12-c13+c14-c21+c23-2c24-c32+c33-c34
    a12-a13+a22-a23-a32+a33 * b21+b22+b23 -> c21
    1/2a12+a14+a24+1/2a32+a42+a44 * b22+b23+b24+1/2b41-1/2b43-b44 -> -c24+c42
    a41-a42-a44 * b14-b34 -> -c11+c13-c14+c21-c23+c24+c41-c43+c44
    a12+a14 * b21+b22-b24+b31+b32-b34 -> -c14+c24+c34
    a12-a13+a32-a33+a42-a43 * b21-b23-b24-b41+b43+b44 -> c41
    1/2a12+1/2a32+a41+a43 * b24-1/2b32+1/2b34-b44 -> c12-c13+c14+c32-c33+c34+c41-2c42+c43
    -a32+a33 * b11-b31+b41 -> -c21-c31+c41
    a31-a32+a33 * b11+b41 -> c31-c32+c34
    -a21+a24+a31-a34+a41-a44 * b23-b43 -> c41-c42+c43
    1/2a12-a13-a23-1/2a32+a33 * -b21-b22-b23-b31-1/2b32+1/2b34 -> -c13+c21+c23+c33
"""


def dumas_pernet_sedoglavic() -> TileEncoder:
    """An exact encoder of ⟨4,4,4⟩ with rank 48 over Z[1/2], one product less than Strassen's squared.

    Given in a basis with few coefficients; `stl_algebra.quality.least_growth` brings its growth down to 512.

    >>> dumas_pernet_sedoglavic().rank
    48

    Source: Dumas, Pernet, Sedoglavic, A non-commutative algorithm for multiplying 4×4 matrices using 48 non-complex
    multiplications, arXiv 2506.13242, 2025, after the complex scheme of AlphaEvolve, 2025.
    """
    return from_formulas(Format(4, 4, 4), _PRODUCTS)
