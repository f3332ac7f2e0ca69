"""The Brent equations, checked in exact arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.format import Format
from stl_algebra.tensor import matmul_tensor


def satisfies_brent(
    format: Format,
    encode_x: NDArray[np.float64],
    encode_w: NDArray[np.float64],
    decode: NDArray[np.float64],
    *,
    scale: int = 1,
    modulus: int | None = None,
) -> bool:
    """Whether Σ_s E_X[s,a] E_W[s,b] D[c,s] = scale · T[a,b,c] for all a, b, c, in integers.

    The factors hold integers, of shapes (r, n·m), (r, m·p) and (n·p, r). A rational encoder is checked
    by its numerators, with `scale` the product of the three denominators; with `modulus` both sides are
    compared modulo it. Sums that stay below 2⁵³ are added by a float64 matrix product, which is then
    exact; larger ones in Python's integers.

    >>> one = np.ones((1, 1))
    >>> satisfies_brent(Format(1, 1, 1), one, one, one)
    True

    Source: Brent, Algorithms for matrix multiplication, Stanford CS-157, 1970.
    """
    target = matmul_tensor(format).reshape(-1, format.n * format.p)
    left = np.einsum("sa,sb->abs", encode_x, encode_w).reshape(-1, len(encode_x))
    bound = len(encode_x) * _peak(encode_x) * _peak(encode_w) * _peak(decode)
    if bound < 2**53 and scale < 2**53:
        difference = left @ decode.T - scale * target
        return not np.any(difference if modulus is None else difference % modulus)
    exact_left = _python_integers(encode_x), _python_integers(encode_w)
    columns = np.einsum("sa,sb->abs", *exact_left).reshape(-1, len(encode_x))
    exact_difference = columns @ _python_integers(decode).T - scale * _python_integers(target)
    return not np.any(exact_difference if modulus is None else exact_difference % modulus)


def _peak(factor: NDArray[np.float64]) -> int:
    return int(np.abs(factor).max(initial=0))


def _python_integers(values: NDArray[np.float64]) -> np.ndarray:
    return np.array([int(v) for v in values.ravel()], dtype=object).reshape(values.shape)
