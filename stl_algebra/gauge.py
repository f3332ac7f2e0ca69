"""The scaling gauge: moving weight between the three factors of a product."""

from __future__ import annotations

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.factors import Factor, Factors


def balance_factors(u: Factor, v: Factor, w: Factor) -> Factors:
    """Scale the three rows of each product to the same norm; their tensor product does not change.

    A product that contributes nothing becomes zero in all three factors.

    Parameters
    ----------
    u : ndarray of float64, shape (r, n·m)
        E_X, one row for each product.
    v : ndarray of float64, shape (r, m·p)
        E_W, one row for each product.
    w : ndarray of float64, shape (r, n·p)
        Dᵀ, one row for each product.

    Returns
    -------
    Factors
        The balanced factors, of the same shapes.

    Examples
    --------
    >>> u, v, w = balance_factors(np.array([[8.0]]), np.ones((1, 1)), np.ones((1, 1)))
    >>> u.tolist(), v.tolist(), w.tolist()
    ([[2.0]], [[2.0]], [[2.0]])
    """
    norms = np.array([np.linalg.norm(f, axis=1) for f in (u, v, w)])
    common = np.cbrt(np.prod(norms, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where((norms > 0) & (common > 0), common / norms, 0.0)
    return Factors(u * scale[0][:, None], v * scale[1][:, None], w * scale[2][:, None])


def balance(encoder: TileEncoder) -> TileEncoder:
    """Balance the products of an encoder as `balance_factors` does.

    Relative error and growth stay the same up to rounding.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    TileEncoder
        The balanced encoder. It is approximate, since the cube roots leave the exact rings.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> round(balance(strassen()).growth, 9)
    32.0
    """
    u, v, w = balance_factors(*encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T)
