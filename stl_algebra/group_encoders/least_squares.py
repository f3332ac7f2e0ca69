"""The best decoder for given products, and which products to keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

#: Singular values of the Gram matrix below this, relative to the largest, count as none.
_CUTOFF = 1e-10


def least_squares_decoder(format: Format, encode_x: Array, encode_w: Array) -> Array:
    """Compute the decoder that minimises ‖R‖² for fixed encoders, R the residual tensor.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    encode_x : ndarray of float64, shape (r, n·m)
        E_X, one row for each product.
    encode_w : ndarray of float64, shape (r, m·p)
        E_W, one row for each product.

    Returns
    -------
    ndarray of float64, shape (n·p, r)
        The decoder D, the one of least norm if several are best.

    Examples
    --------
    >>> least_squares_decoder(Format(1, 1, 1), 2 * np.ones((1, 1)), np.ones((1, 1))).tolist()
    [[0.5]]
    """
    gram, moments = _normal_equations(format, encode_x, encode_w)
    return (np.linalg.pinv(gram, rcond=_CUTOFF, hermitian=True) @ moments).T


def keep_products(format: Format, encode_x: Array, encode_w: Array, rank: int, groups: Sequence[Indices]) -> Indices:
    """Choose greedily which products to keep, so that the refitted decoder loses least.

    Whole groups of products are dropped first, those that lose least for each product freed; then single products until
    the rank is met.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    encode_x : ndarray of float64, shape (r, n·m)
        E_X, one row for each product.
    encode_w : ndarray of float64, shape (r, m·p)
        E_W, one row for each product.
    rank : int
        The number of products to keep.
    groups : sequence of ndarray of int64
        The indices of the products of each group, such as a block of an algebra.

    Returns
    -------
    ndarray of int64, shape (rank,)
        The indices of the products kept, sorted.

    Raises
    ------
    InvalidInput
        If `rank` is not between 1 and the number of products.

    Examples
    --------
    >>> keep_products(Format(1, 2, 1), np.eye(2), np.eye(2), 1, [np.arange(2)]).tolist()
    [1]
    """
    if not 1 <= rank <= len(encode_x):
        raise InvalidInput(f"rank {rank} is not between 1 and {len(encode_x)}, the number of products")
    gram, moments = _normal_equations(format, encode_x, encode_w)
    kept = np.arange(len(encode_x))
    while len(kept) > rank:
        whole = [np.flatnonzero(np.isin(kept, group)) for group in groups]
        choices = [places for places in whole if 0 < len(places) <= len(kept) - rank]
        if not choices:
            choices = [np.array([place]) for place in range(len(kept))]
        losses = _losses(gram[np.ix_(kept, kept)], moments[kept], choices)
        per_product = [loss / len(places) for loss, places in zip(losses, choices, strict=True)]
        kept = np.delete(kept, choices[int(np.argmin(np.round(per_product, 8)))])
    return kept


def _losses(gram: Array, moments: Array, choices: Sequence[Indices]) -> list[float]:
    """The increase of ‖R‖² if the products of a choice are dropped and the decoder is refitted, for each choice.

    With w the best decoder's rows and G the Gram matrix it is the trace of w_Sᵀ ((G⁻¹)_SS)⁻¹ w_S; a trace of the
    identity added to G makes products that depend on the others cost nothing.
    """
    inverse = np.linalg.inv(gram + _CUTOFF * np.trace(gram) * np.eye(len(gram)))
    decode = inverse @ moments
    return [float(np.sum(decode[s] * np.linalg.solve(inverse[np.ix_(s, s)], decode[s]))) for s in choices]


def _normal_equations(format: Format, encode_x: Array, encode_w: Array) -> tuple[Array, Array]:
    """Inner products of the products' functionals x_s ⊗ w_s with one another and with the outputs: (r, r), (r, n·p)."""
    n, m, p = format
    gram = (encode_x @ encode_x.T) * (encode_w @ encode_w.T)
    moments = encode_x.reshape(-1, n, m) @ encode_w.reshape(-1, m, p)
    return gram, moments.reshape(-1, n * p)
