"""The scaling gauge: moving weight between the three factors of a product."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.error import Factor


def balance_factors(u: Factor, v: Factor, w: Factor) -> tuple[Factor, Factor, Factor]:
    """Scale each product so that its three rows have the same norm; their product does not change.

    A product that contributes nothing becomes zero in all three factors.

    >>> u, v, w = balance_factors(np.array([[8.0]]), np.ones((1, 1)), np.ones((1, 1)))
    >>> u.tolist(), v.tolist(), w.tolist()
    ([[2.0]], [[2.0]], [[2.0]])
    """
    norms = np.array([np.linalg.norm(f, axis=1) for f in (u, v, w)])
    common = np.cbrt(np.prod(norms, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where((norms > 0) & (common > 0), common / norms, 0.0)
    return u * scale[0][:, None], v * scale[1][:, None], w * scale[2][:, None]


def balance(encoder: TileEncoder) -> TileEncoder:
    """The encoder with balanced products, as an approximate one: cube roots leave the exact rings.

    Relative error and growth stay the same to rounding.

    >>> from stl_algebra import strassen
    >>> round(balance(strassen()).growth, 9)
    32.0
    """
    u, v, w = balance_factors(*encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T)
