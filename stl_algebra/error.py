"""Closed-form error and growth of an encoder, from its factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.factors import Factor
from stl_algebra.format import Format
from stl_algebra.precision import Precision
from stl_algebra.tensor import matmul_tensor


def residual(format: Format, u: Factor, v: Factor, w: Factor) -> NDArray[np.float64]:
    """Compute the residual tensor R[a,b,c] = Σ_s u[s,a] v[s,b] w[s,c] − T[a,b,c].

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    u : ndarray of float64, shape (r, n·m)
        E_X, one row for each product.
    v : ndarray of float64, shape (r, m·p)
        E_W, one row for each product.
    w : ndarray of float64, shape (r, n·p)
        Dᵀ, one row for each product.

    Returns
    -------
    ndarray of float64, shape (n·m, m·p, n·p)
        The residual R.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> residual(Format(1, 1, 1), one, one, one).tolist()
    [[[0.0]]]
    """
    outer = np.einsum("sa,sb->abs", u, v).reshape(-1, len(u))
    product: NDArray[np.float64] = (outer @ w).reshape(format.sizes)
    return product - matmul_tensor(format)


def relative_error(format: Format, u: Factor, v: Factor, w: Factor) -> float:
    """Compute the relative squared error E‖Ŷ−Y‖² / E‖Y‖² = ‖R‖_F² / (n·m·p).

    X and W have independent zero-mean unit-variance entries. The value holds for any inner dimension K, since errors of
    different tiles are uncorrelated.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    u : ndarray of float64, shape (r, n·m)
        E_X, one row for each product.
    v : ndarray of float64, shape (r, m·p)
        E_W, one row for each product.
    w : ndarray of float64, shape (r, n·p)
        Dᵀ, one row for each product.

    Returns
    -------
    float
        The relative squared error, without unit.

    Examples
    --------
    >>> zero = np.zeros((1, 1))
    >>> relative_error(Format(1, 1, 1), zero, zero, zero)
    1.0
    """
    return float(np.sum(residual(format, u, v, w) ** 2) / format.products)


def growth(u: Factor, v: Factor, w: Factor) -> float:
    """Compute the growth Σ_s ‖u[s]‖² ‖v[s]‖² ‖w[s]‖².

    It does not change if the factors of a product are scaled against each other.

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
    float
        The growth.

    Examples
    --------
    >>> growth(np.eye(2), np.eye(2), 3 * np.eye(2))
    18.0
    """
    squares = [np.einsum("sa,sa->s", factor, factor) for factor in (u, v, w)]
    return float(np.sum(squares[0] * squares[1] * squares[2]))


def error_at_precision(format: Format, error: float, growth: float, precision: Precision) -> float:
    """Compute the relative squared error with rounded operands: error + 2 δ² growth / (n·m·p).

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    error : float
        The relative squared error without rounding.
    growth : float
        The growth of the encoder.
    precision : Precision
        The precision of the encoded operands; δ is its rms relative rounding error.

    Returns
    -------
    float
        The relative squared error, without unit.

    Notes
    -----
    Each rounding multiplies an encoded entry by 1 + ε with independent ε of rms δ. Product s then adds 2δ² ‖E_X[s]‖²
    ‖E_W[s]‖² ‖D[:,s]‖² to the squared error of a tile product. Accumulation is in fp32 and adds nothing.

    Examples
    --------
    >>> error_at_precision(Format(1, 1, 1), 0.0, 1.0, Precision("bf16", 8)) < 1e-5
    True
    """
    return error + 2 * precision.rounding**2 * growth / format.products
