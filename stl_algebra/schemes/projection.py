"""Projection: encoders of smaller formats, by dropping rows and columns, and merging what becomes parallel."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring

Row = tuple[Fraction, ...]


def project(encoder: TileEncoder, keep_n: Sequence[int], keep_m: Sequence[int], keep_p: Sequence[int]) -> TileEncoder:
    """Restrict an encoder to some rows, inner indices and columns.

    Products that vanish are dropped and parallel ones are merged, so the rank may fall.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder of ⟨n,m,p⟩.
    keep_n : sequence of int
        The zero-based rows of X to keep, in the order wanted.
    keep_m : sequence of int
        The zero-based inner indices to keep, in the order wanted.
    keep_p : sequence of int
        The zero-based columns of W to keep, in the order wanted.

    Returns
    -------
    TileEncoder
        The encoder of the smaller format, exact if `encoder` is.

    Raises
    ------
    InvalidInput
        If an index is outside the format or repeated, or no index is kept along a dimension.

    Examples
    --------
    >>> from stl_algebra import classical
    >>> project(classical(Format(3, 3, 3)), (0, 1), (0, 1, 2), (2,)).rank
    6
    """
    n, m, p = encoder.format
    kept = [list(keep) for keep in (keep_n, keep_m, keep_p)]
    for name, size, keep in zip("nmp", encoder.format, kept, strict=True):
        if not keep or len(set(keep)) < len(keep) or any(not 0 <= index < size for index in keep):
            raise InvalidInput(
                f"indices {keep} along {name} must be distinct integers from 0 to {size - 1}, at least one"
            )
    format = Format(*(len(keep) for keep in kept))
    rows = np.ix_(kept[0], kept[1]), np.ix_(kept[1], kept[2]), np.ix_(kept[0], kept[2])
    shapes = (n, m), (m, p), (n, p)
    if not encoder.exact or encoder.ring is Ring.GF2:
        factors = [
            np.array([row.reshape(shape)[index].ravel() for row in factor])
            for factor, shape, index in zip(encoder.factors, shapes, rows, strict=True)
        ]
        used = np.all([np.any(f != 0, axis=1) for f in factors], axis=0)
        u, v, w = (f[used] for f in factors)
        return TileEncoder(format, u, v, w.T, encoder.ring)
    x, w, d = (np.array(matrix, dtype=object) for matrix in encoder.exact_coefficients())
    products = []
    for factors_of in zip(x, w, d.T, strict=True):
        parts = [
            tuple(factor.reshape(shape)[index].ravel())
            for factor, shape, index in zip(factors_of, shapes, rows, strict=True)
        ]
        products.append((parts[0], parts[1], parts[2]))
    return _encoder(format, products)


def merge_products(encoder: TileEncoder) -> TileEncoder:
    """Drop zero products, and add up products that agree in two factors.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder that is exact over Z, Z[1/2] or Q.

    Returns
    -------
    TileEncoder
        The same bilinear map with as many products or fewer.

    Raises
    ------
    InvalidInput
        If the encoder is not exact over the integers or rationals.

    Examples
    --------
    >>> x, w, d = [[1], [1]], [[1], [2]], [[-1, 1]]
    >>> merge_products(TileEncoder.from_exact(Format(1, 1, 1), x, w, d)).rank
    1
    """
    if not encoder.ring.is_exact_for_reals:
        raise InvalidInput("only an encoder that is exact over the integers or rationals can have its products merged")
    x, w, d = encoder.exact_coefficients()
    columns = [list(column) for column in zip(*d, strict=True)]
    return _encoder(encoder.format, [(tuple(a), tuple(b), tuple(c)) for a, b, c in zip(x, w, columns, strict=True)])


def _encoder(format: Format, products: list[tuple[Row, Row, Row]]) -> TileEncoder:
    merged = [product for product in products if all(any(factor) for factor in product)]
    before = len(merged) + 1
    while len(merged) < before:
        before = len(merged)
        for slot in range(3):
            merged = _merged_along(merged, slot)
    x, w, columns = zip(*merged, strict=True)
    return TileEncoder.from_exact(format, x, w, list(zip(*columns, strict=True)))


def _merged_along(products: list[tuple[Row, Row, Row]], slot: int) -> list[tuple[Row, Row, Row]]:
    """Products whose other two factors are parallel, added into one."""
    others = [i for i in range(3) if i != slot]
    sums: dict[tuple[Row, Row], Row] = {}
    for product in products:
        (first, a), (second, b) = (_primitive(product[i]) for i in others)
        scaled = tuple(a * b * v for v in product[slot])
        total = sums.get((first, second))
        sums[first, second] = scaled if total is None else tuple(t + v for t, v in zip(total, scaled, strict=True))
    found = []
    for pair, total in sums.items():
        if any(total):
            factors: list[Row] = [(), (), ()]
            factors[others[0]], factors[others[1]] = pair
            factors[slot] = total
            found.append((factors[0], factors[1], factors[2]))
    return found


def _primitive(row: Row) -> tuple[Row, Fraction]:
    """A row as a scalar times the primitive integer row on its line whose first entry is positive."""
    leading = next(v for v in row if v)
    common = 1
    for v in row:
        common = common * v.denominator // gcd(common, v.denominator)
    divisor = gcd(*(int(v * common) for v in row))
    scale = Fraction(divisor if leading > 0 else -divisor, common)
    return tuple(v / scale for v in row), scale
