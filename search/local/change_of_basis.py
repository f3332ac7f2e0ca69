"""The same encoder in other orthonormal bases: as good on white inputs, another start on weighted ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.numerics.objective import Factors
from stl_algebra import Format, TileEncoder, rotate, transpose


def in_random_bases(format: Format, factors: Factors, rng: np.random.Generator) -> Factors:
    """Return the factors in random orthonormal bases: X ↦ Aᵀ X B, W ↦ Bᵀ W C with orthogonal A (n), B (m) and C (p).

    Relative error and growth on white inputs stay what they were.

    Parameters
    ----------
    format : Format
        The format ⟨n, m, p⟩.
    factors : Factors
        u (r, n·m), v (r, m·p) and w (r, n·p), one row a product.
    rng : numpy.random.Generator
        All chance comes from this.

    Returns
    -------
    Factors
        The factors in the new bases, shaped as before.

    References
    ----------
    de Groote, On varieties of optimal algorithms, 1978 (the symmetries of matrix multiplication).

    Examples
    --------
    >>> u, v, w = in_random_bases(Format(1, 1, 1), (np.ones((1, 1)),) * 3, np.random.default_rng(0))
    >>> (u * v * w).tolist()
    [[1.0]]
    """
    n, m, p = format
    a, b, c = (_orthogonal(size, rng) for size in (n, m, p))
    u, v, w = factors
    return _moved(u, a, b), _moved(v, b, c), _moved(w, a, c)


def random_orientation(encoder: TileEncoder, rng: np.random.Generator) -> TileEncoder:
    """Return one of the encoders of the same format that rotation and transposition make of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    rng : numpy.random.Generator
        All chance comes from this.

    Returns
    -------
    TileEncoder
        One of them, all equally likely; the encoder itself is among them.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> random_orientation(strassen(), np.random.default_rng(0)).format
    Format(n=2, m=2, p=2)
    """
    there = [one for other in (encoder, transpose(encoder)) for one in (other, rotate(other), rotate(rotate(other)))]
    same = [one for one in there if one.format == encoder.format]
    return same[int(rng.integers(len(same)))]


def _moved(factor: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    matrices = factor.reshape(len(factor), len(left), len(right))
    moved: NDArray[np.float64] = (left.T @ matrices @ right).reshape(len(factor), -1)
    return moved


def _orthogonal(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform over the orthogonal group: QR with the signs of R's diagonal taken out."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    orthogonal: NDArray[np.float64] = q * np.sign(np.diag(r))
    return orthogonal
