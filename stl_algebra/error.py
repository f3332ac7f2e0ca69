"""Closed-form error and growth of an encoder, from its factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.format import Format
from stl_algebra.precision import Precision
from stl_algebra.tensor import matmul_tensor

Factor = NDArray[np.float64]


def residual(format: Format, u: Factor, v: Factor, w: Factor) -> NDArray[np.float64]:
    """R[a,b,c] = Σ_s u[s,a] v[s,b] w[s,c] − T[a,b,c], of shape (n·m, m·p, n·p).

    Factors have one row a product: u (r, n·m), v (r, m·p), w = Dᵀ (r, n·p).

    >>> one = np.ones((1, 1))
    >>> residual(Format(1, 1, 1), one, one, one).tolist()
    [[[0.0]]]
    """
    outer = np.einsum("sa,sb->abs", u, v).reshape(-1, len(u))
    return (outer @ w).reshape(format.sizes) - matmul_tensor(format)


def relative_error(format: Format, u: Factor, v: Factor, w: Factor) -> float:
    """E‖Ŷ−Y‖² / E‖Y‖² = ‖R‖_F² / (n·m·p), for X, W with independent zero-mean unit-variance entries.

    Holds for any inner dimension K: errors of different tiles are uncorrelated. Factors as in `residual`.

    >>> zero = np.zeros((1, 1))
    >>> relative_error(Format(1, 1, 1), zero, zero, zero)
    1.0
    """
    return float(np.sum(residual(format, u, v, w) ** 2) / format.products)


def growth(u: Factor, v: Factor, w: Factor) -> float:
    """Σ_s ‖u[s]‖² ‖v[s]‖² ‖w[s]‖², unchanged when a product's factors are scaled against each other.

    >>> growth(np.eye(2), np.eye(2), 3 * np.eye(2))
    18.0
    """
    squares = [np.einsum("sa,sa->s", factor, factor) for factor in (u, v, w)]
    return float(np.sum(squares[0] * squares[1] * squares[2]))


def error_at_precision(format: Format, error: float, growth: float, precision: Precision) -> float:
    """Relative error when both encoded operands are rounded: error + 2 δ² growth / (n·m·p).

    Each rounding multiplies an encoded entry by 1 + ε with independent ε of rms δ; channel s then adds
    2δ² ‖E_X[s]‖² ‖E_W[s]‖² ‖D[:,s]‖² to the squared error of a tile product. Accumulation is in fp32.

    >>> error_at_precision(Format(1, 1, 1), 0.0, 1.0, Precision("bf16", 8)) < 1e-5
    True
    """
    return error + 2 * precision.rounding**2 * growth / format.products
