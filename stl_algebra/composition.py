"""Composing encoders: Kronecker product and direct sum."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring

Axis = Literal["n", "m", "p"]


def kronecker(outer: TileEncoder, inner: TileEncoder) -> TileEncoder:
    """Compose two encoders: `outer` multiplies blocks, `inner` multiplies within the blocks.

    Ranks and growths multiply.

    Parameters
    ----------
    outer : TileEncoder
        The encoder of ⟨n₁,m₁,p₁⟩ and rank r₁ that acts on blocks.
    inner : TileEncoder
        The encoder of ⟨n₂,m₂,p₂⟩ and rank r₂ that acts within a block.

    Returns
    -------
    TileEncoder
        The encoder of ⟨n₁n₂, m₁m₂, p₁p₂⟩ and rank r₁r₂. It is exact over the smallest ring that holds both if both are
        exact.

    Raises
    ------
    InvalidInput
        If one encoder is over GF(2) and the other over Z[1/2] or Q.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> kronecker(strassen(), strassen()).rank
    49
    """
    (n1, m1, p1), (n2, m2, p2) = outer.format, inner.format
    shapes = (((n1, m1), (n2, m2)), ((m1, p1), (m2, p2)), ((n1, p1), (n2, p2)))
    denominators = tuple(a * b for a, b in zip(outer.denominators, inner.denominators, strict=True))
    factors = []
    for s in range(3):
        # Numerators are multiplied, then divided once: a product of two rounded fractions is not a rounded fraction.
        a, b = outer.factors[s] * outer.denominators[s], inner.factors[s] * inner.denominators[s]
        if outer.exact and inner.exact:
            a, b = np.rint(a), np.rint(b)
        factors.append(_block_kron(a, b, *shapes[s]) / denominators[s])
    return _assemble(Format(n1 * n2, m1 * m2, p1 * p2), factors, (outer.ring, inner.ring), denominators)


def direct_sum(first: TileEncoder, second: TileEncoder, axis: Axis) -> TileEncoder:
    """Split one dimension between two encoders.

    Along n the tiles of X and Y are stacked by rows, along p those of W and Y by columns. Along m the products of both
    parts are added. Ranks add.

    Parameters
    ----------
    first : TileEncoder
        The encoder of the first part.
    second : TileEncoder
        The encoder of the second part. Its format agrees with that of `first` in the two other dimensions.
    axis : {"n", "m", "p"}
        The dimension to split.

    Returns
    -------
    TileEncoder
        The encoder of the whole, of rank r₁ + r₂. It is exact over the smallest ring that holds both if both are exact.

    Raises
    ------
    InvalidInput
        If `axis` is unknown, if the formats differ in another dimension, or if one encoder is over GF(2) and the other
        over Z[1/2] or Q.

    Examples
    --------
    >>> from stl_algebra import classical, strassen
    >>> direct_sum(strassen(), classical(Format(1, 2, 2)), "n").rank
    11
    """
    if axis not in Format._fields:
        raise InvalidInput(f"axis {axis!r} is not one of n, m, p")
    sizes = {name: (getattr(first.format, name), getattr(second.format, name)) for name in Format._fields}
    for name, (a, b) in sizes.items():
        if name != axis and a != b:
            raise InvalidInput(f"formats {first.format} and {second.format} differ along {name}, not only {axis}")
    total = Format(*(a + b if name == axis else a for name, (a, b) in sizes.items()))
    factors = []
    for rows, columns, a, b in zip("nmn", "mpp", first.factors, second.factors, strict=True):
        shape = (getattr(total, rows), getattr(total, columns))
        offset = (sizes[axis][0] if rows == axis else 0, sizes[axis][0] if columns == axis else 0)
        placed = np.zeros((len(a) + len(b), *shape))
        r1, c1 = getattr(first.format, rows), getattr(first.format, columns)
        placed[: len(a), :r1, :c1] = a.reshape(-1, r1, c1)
        r2, c2 = getattr(second.format, rows), getattr(second.format, columns)
        placed[len(a) :, offset[0] : offset[0] + r2, offset[1] : offset[1] + c2] = b.reshape(-1, r2, c2)
        factors.append(placed.reshape(len(placed), -1))
    denominators = tuple(int(np.lcm(a, b)) for a, b in zip(first.denominators, second.denominators, strict=True))
    return _assemble(total, factors, (first.ring, second.ring), denominators)


def _block_kron(
    a: NDArray[np.float64], b: NDArray[np.float64], outer: tuple[int, int], inner: tuple[int, int]
) -> NDArray[np.float64]:
    """Rows of a and b read as matrices; all Kronecker products, as rows in row-major order."""
    blocks: NDArray[np.float64] = np.einsum("sij,tkl->stikjl", a.reshape(-1, *outer), b.reshape(-1, *inner))
    return blocks.reshape(len(a) * len(b), -1)


def _assemble(
    format: Format,
    factors: list[NDArray[np.float64]],
    rings: tuple[Ring, Ring],
    denominators: tuple[int, ...],
) -> TileEncoder:
    u, v, w = factors
    if Ring.R in rings:
        return TileEncoder(format, u, v, w.T)
    if Ring.GF2 in rings:
        if not set(rings) <= {Ring.Z, Ring.GF2}:
            raise InvalidInput("an encoder over GF(2) combines with encoders over GF(2) and Z only")
        return TileEncoder(format, u % 2, v % 2, w.T % 2, Ring.GF2)
    x, y, z = denominators
    return TileEncoder(format, u, v, w.T, Ring.of_denominators((x, y, z)), (x, y, z))
