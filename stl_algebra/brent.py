"""The Brent equations, checked in exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.tensor import matmul_tensor

#: Integers and their sums are exact in float64 below this.
EXACT_BELOW = 2**53


def satisfies_brent(
    format: Format,
    encode_x: NDArray[np.float64],
    encode_w: NDArray[np.float64],
    decode: NDArray[np.float64],
    *,
    scale: int = 1,
    modulus: int | None = None,
) -> bool:
    """Tell whether the Brent equations hold for three factors, in exact integer arithmetic.

    The equations are Σ_s E_X[s, a] E_W[s, b] D[c, s] = scale · T[a, b, c] for all a, b, c.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    encode_x : ndarray of float64, shape (r, n·m)
        Integers: the numerators of E_X.
    encode_w : ndarray of float64, shape (r, m·p)
        Integers: the numerators of E_W.
    decode : ndarray of float64, shape (n·p, r)
        Integers: the numerators of D.
    scale : int, default 1
        The product of the denominators of the three factors.
    modulus : int, optional
        Both sides are compared modulo this number, which must be small. By default they are compared as integers.

    Returns
    -------
    bool
        True if every equation holds.

    Raises
    ------
    InvalidInput
        If the encoder has too many products for a proof.

    Notes
    -----
    Sums that stay below 2⁵³ are computed by a float64 matrix product, which is exact there. Larger sums are computed
    modulo several primes whose product exceeds every possible entry of the residual; an integer that vanishes modulo
    all of them is zero. The cost is a few matrix products, whatever the coefficients are.

    References
    ----------
    .. [1] Brent, Algorithms for matrix multiplication, Stanford CS-157, 1970.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> satisfies_brent(Format(1, 1, 1), one, one, one)
    True
    """
    if modulus is not None:
        return _holds_modulo(modulus, format, encode_x, encode_w, decode, scale)
    # No entry of the residual is larger than this in absolute value.
    bound = len(encode_x) * _peak(encode_x) * _peak(encode_w) * _peak(decode) + scale
    if bound < EXACT_BELOW:
        left = np.einsum("sa,sb->abs", encode_x, encode_w).reshape(-1, len(encode_x))
        target = matmul_tensor(format).reshape(-1, format.n * format.p)
        return not np.any(left @ decode.T - scale * target)
    # An integer that is zero modulo primes whose product is above its absolute value is zero.
    for prime in _primes_below(isqrt(EXACT_BELOW // len(encode_x))):
        if not _holds_modulo(prime, format, encode_x, encode_w, decode, scale):
            return False
        bound //= prime
        if not bound:
            return True
    raise InvalidInput(f"an encoder of {len(encode_x)} products is too large to be proved exact")


def _holds_modulo(
    modulus: int,
    format: Format,
    encode_x: NDArray[np.float64],
    encode_w: NDArray[np.float64],
    decode: NDArray[np.float64],
    scale: int,
) -> bool:
    """Whether the equations hold modulo a number whose square, times the rank, is at most EXACT_BELOW."""
    x, w, d = (np.fmod(factor, modulus) for factor in (encode_x, encode_w, decode))
    target = (scale % modulus) * matmul_tensor(format)
    # One entry of X at a time: all products of entries at once would take the memory of the whole tensor r times.
    return not any(
        np.any(np.fmod(np.fmod(x[:, [a]] * w, modulus).T @ d.T - target[a], modulus)) for a in range(x.shape[1])
    )


def _primes_below(limit: int) -> Iterator[int]:
    """The primes below a limit, the largest first.

    >>> list(_primes_below(12))
    [11, 7, 5, 3, 2]
    """
    return (n for n in range(limit - 1, 1, -1) if all(n % d for d in range(2, isqrt(n) + 1)))


def _peak(factor: NDArray[np.float64]) -> int:
    return int(np.abs(factor).max(initial=0))
