"""The classical algorithm as an encoder."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format


def classical(format: Format) -> TileEncoder:
    """The exact encoder of rank n·m·p over Z with one product for each scalar product of XW.

    >>> classical(Format(2, 3, 4)).rank
    24
    """
    format = Format(*format)
    n, m, p = format
    i, j, k = np.indices((n, m, p)).reshape(3, -1)
    in_x, in_w, out = (np.eye(size) for size in format.sizes)
    return TileEncoder.from_exact(format, in_x[i * m + j], in_w[j * p + k], out[i * p + k].T)
