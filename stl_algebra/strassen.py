"""Strassen's algorithm as an encoder."""

from __future__ import annotations

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format


def strassen() -> TileEncoder:
    """Build Strassen's exact encoder of ⟨2,2,2⟩ with rank 7 over Z.

    Returns
    -------
    TileEncoder
        The encoder.

    References
    ----------
    .. [1] Strassen, Gaussian elimination is not optimal, Numer. Math. 13, 1969.

    Examples
    --------
    >>> strassen().rank, strassen().growth
    (7, 32.0)
    """
    encode_x = [
        [1, 0, 0, 1],
        [0, 0, 1, 1],
        [1, 0, 0, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
        [-1, 0, 1, 0],
        [0, 1, 0, -1],
    ]
    encode_w = [
        [1, 0, 0, 1],
        [1, 0, 0, 0],
        [0, 1, 0, -1],
        [-1, 0, 1, 0],
        [0, 0, 0, 1],
        [1, 1, 0, 0],
        [0, 0, 1, 1],
    ]
    decode = [
        [1, 0, 0, 1, -1, 0, 1],
        [0, 0, 1, 0, 1, 0, 0],
        [0, 1, 0, 1, 0, 0, 0],
        [1, -1, 1, 0, 0, 1, 0],
    ]
    return TileEncoder.from_exact(Format(2, 2, 2), encode_x, encode_w, decode)
