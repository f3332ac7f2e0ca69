"""Rotation and transposition: encoders of the formats obtained by permuting ⟨n,m,p⟩."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.factors import Factor, FactorsLike
from stl_algebra.format import Format
from stl_algebra.ring import Ring


def rotate(encoder: TileEncoder) -> TileEncoder:
    """Rotate an encoder of ⟨n,m,p⟩ to one of ⟨m,p,n⟩, by the cyclic symmetry of trace(XWZ).

    Three rotations give the encoder back.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder of ⟨n,m,p⟩.

    Returns
    -------
    TileEncoder
        The encoder of ⟨m,p,n⟩, of the same rank and ring.

    References
    ----------
    .. [1] Hopcroft, Musinski, Duality applied to the complexity of matrix multiplication, 1973.

    Examples
    --------
    >>> from stl_algebra import classical
    >>> rotate(classical(Format(2, 3, 4))).format
    Format(n=3, m=4, p=2)
    """
    n, m, p = encoder.format
    u, v, w = encoder.factors
    z = transpose_rows(w, n, p)  # the trace form's third matrix is p×n
    x_new, w_new, d_new = v, z, transpose_rows(u, n, m)
    qx, qw, qd = encoder.denominators
    return _relabelled(Format(m, p, n), (x_new, w_new, d_new), encoder.ring, (qw, qd, qx))


def transpose(encoder: TileEncoder) -> TileEncoder:
    """Transpose an encoder of ⟨n,m,p⟩ to one of ⟨p,m,n⟩, by (XW)ᵀ = WᵀXᵀ.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder of ⟨n,m,p⟩.

    Returns
    -------
    TileEncoder
        The encoder of ⟨p,m,n⟩, of the same rank and ring.

    Examples
    --------
    >>> from stl_algebra import classical
    >>> transpose(classical(Format(2, 3, 4))).format
    Format(n=4, m=3, p=2)
    """
    n, m, p = encoder.format
    u, v, w = encoder.factors
    factors = (transpose_rows(v, m, p), transpose_rows(u, n, m), transpose_rows(w, n, p))
    qx, qw, qd = encoder.denominators
    return _relabelled(Format(p, m, n), factors, encoder.ring, (qw, qx, qd))


def transpose_rows(factor: Factor, rows: int, columns: int) -> Factor:
    """Transpose each row of a factor, read as a matrix.

    Parameters
    ----------
    factor : ndarray of float64, shape (r, rows·columns)
        The factor; each row is a row-major matrix.
    rows : int
        Rows of each matrix.
    columns : int
        Columns of each matrix.

    Returns
    -------
    ndarray of float64, shape (r, columns·rows)
        The transposed matrices, row-major.

    Examples
    --------
    >>> transpose_rows(np.array([[1.0, 2.0, 3.0, 4.0]]), 2, 2).tolist()
    [[1.0, 3.0, 2.0, 4.0]]
    """
    return np.ascontiguousarray(factor.reshape(-1, rows, columns).transpose(0, 2, 1)).reshape(len(factor), -1)


def _relabelled(format: Format, factors: FactorsLike, ring: Ring, denominators: tuple[int, int, int]) -> TileEncoder:
    u, v, w = factors
    return TileEncoder(format, u, v, w.T, ring, denominators)
