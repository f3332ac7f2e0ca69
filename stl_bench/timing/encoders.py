"""Encoders to time: the catalog's best, or random coefficients if it holds none."""

from __future__ import annotations

import numpy as np

from catalog import Catalog
from stl_algebra import Format, InvalidInput, TileEncoder

FORMAT = Format(4, 4, 4)


def encoder_to_time(rank: int, precision: str) -> tuple[TileEncoder, str]:
    """Return an encoder of ⟨4,4,4⟩ to time, and where its coefficients come from.

    Time depends on format and rank, not on the coefficients.

    Parameters
    ----------
    rank : int
        The rank of the encoder.
    precision : str
        The precision at which its error counts, such as "bf16".

    Returns
    -------
    encoder : TileEncoder
        The catalog's encoder of least error, or one of random coefficients if the catalog holds none of that rank.
    source : str
        "catalog" or "random coefficients".

    Examples
    --------
    >>> encoder_to_time(7, "fp32")[0].rank
    7
    """
    try:
        return Catalog.default().best(FORMAT, rank, precision), "catalog"
    except InvalidInput:
        rng = np.random.default_rng(rank)
        u, v, w = (rng.standard_normal(shape) / 4 for shape in ((rank, 16), (rank, 16), (16, rank)))
        return TileEncoder(FORMAT, u, v, w), "random coefficients"
