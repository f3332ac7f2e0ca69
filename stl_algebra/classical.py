"""The classical algorithm as an encoder."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format


def classical(format: Format) -> TileEncoder:
    """Build the classical algorithm as an exact encoder over Z.

    It has one product for each scalar product of XW.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.

    Returns
    -------
    TileEncoder
        The encoder of rank n·m·p.

    Examples
    --------
    >>> classical(Format(2, 3, 4)).rank
    24
    """
    format = Format(*format)
    n, m, p = format
    i, j, k = np.indices((n, m, p)).reshape(3, -1)
    in_x, in_w, out = (np.eye(size) for size in format.sizes)
    return TileEncoder.from_exact(format, in_x[i * m + j], in_w[j * p + k], out[i * p + k].T)


def left_out(format: Format, rank: int) -> TileEncoder:
    """Build the classical algorithm with all but some of its products left out; those kept are spread evenly.

    Its relative error is 1 − r/(n·m·p) and its growth is r. Every useful encoder of rank r has less error.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    rank : int
        The number r of products that are kept, from 1 to n·m·p.

    Returns
    -------
    TileEncoder
        The approximate encoder of rank r, or the exact classical one if no product is left out.

    Raises
    ------
    InvalidInput
        If the rank does not fit the format.

    Examples
    --------
    >>> encoder = left_out(Format(4, 4, 4), 40)
    >>> encoder.relative_error, encoder.growth
    (0.375, 40.0)
    """
    whole = classical(format)
    if whole.format.check_rank(rank) == whole.rank:
        return whole
    keep = np.linspace(0, whole.rank, rank, endpoint=False).astype(int)
    u, v, w = (factor[keep] for factor in whole.factors)
    return TileEncoder(whole.format, u, v, w.T)
