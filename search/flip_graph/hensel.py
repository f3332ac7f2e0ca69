"""Hensel lifting: from a scheme over GF(2) to one over Z or Q."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.elimination import ColumnSpace
from search.flip_graph.scheme import Scheme
from search.stop import NEVER, Stop
from stl_algebra import InvalidInput, TileEncoder
from stl_algebra.tensor import matmul_tensor

#: Digits: arithmetic is modulo 2⁶⁴.
DIGITS = 62
#: Orders of the unknowns that are tried.
ORDERS = 3

Unsigned = NDArray[np.uint64]


def lift(scheme: Scheme, rng: np.random.Generator, stop: Stop = NEVER) -> TileEncoder | None:
    """An encoder over Z or Q, with odd denominators, that is the scheme modulo 2; None where none is found.

    A solution of the Brent equations modulo 2ᵏ becomes one modulo 2ᵏ⁺¹ by a linear system over GF(2), whose
    matrix, the Jacobian modulo 2, is always the same. Unknowns that system leaves free keep their residue 0 or 1;
    coefficients that are 0 modulo 2 are left free first. Small integers, or else fractions by rational
    reconstruction, are then proved exact by TileEncoder. Where not even the first step can be solved, the scheme
    cannot be lifted at all.

    >>> from stl_algebra import Ring, strassen
    >>> lift(Scheme.of(strassen(), Ring.GF2), np.random.default_rng(0)).ring.value
    'Z'

    Source: Kauers, Moosbauer, Flip graphs for matrix multiplication, 2022, §5.
    """
    support = np.concatenate([factor.ravel() for factor in scheme.factors]) != 0
    jacobian = _jacobian(scheme)
    for _ in range(ORDERS):
        if stop():
            return None
        stop.worked()
        order = np.lexsort((rng.random(len(support)), ~support))
        space = ColumnSpace(jacobian[order])
        digits = _Lifting(scheme, space, order)
        while digits.known < DIGITS and digits.step():
            encoder = digits.as_integers() if digits.known <= 8 else None
            if encoder is not None:
                return encoder
        if digits.known == DIGITS and (encoder := digits.as_fractions()) is not None:
            return encoder
        if digits.known == 1:
            return None
    return None


class _Lifting:
    """Coefficients modulo 2^known, as uint64 whose higher bits are 0."""

    def __init__(self, scheme: Scheme, space: ColumnSpace, order: NDArray[np.intp]) -> None:
        self._format, self._space, self._order = scheme.format, space, order
        self._target = matmul_tensor(scheme.format).astype(np.uint64)
        self._shapes = [factor.shape for factor in scheme.factors]
        self._entries = np.concatenate([factor.ravel() for factor in scheme.factors]).astype(np.uint64)
        self.known = 1

    def step(self) -> bool:
        """One more digit; False where there is none."""
        residual = self._target - _product(self._factors(self._entries))
        right = (residual >> np.uint64(self.known)) & np.uint64(1)
        solution = self._space.solve(right.ravel() == 1)
        if solution is None:
            return False
        self._entries[self._order[solution]] += np.uint64(1 << self.known)
        self.known += 1
        return True

    def as_integers(self) -> TileEncoder | None:
        """The encoder of the integers of least absolute value, where that is exact."""
        modulus = 1 << self.known
        values = self._entries.astype(np.int64)
        values[values > modulus // 2] -= modulus
        factors = self._factors(values.astype(np.uint64))
        if not np.array_equal(_product(factors), self._target):
            return None
        return self._encoder([factor.astype(np.int64).astype(object) for factor in factors])

    def as_fractions(self) -> TileEncoder | None:
        """The encoder of the fractions of least size, where these exist and are exact."""
        modulus = 1 << self.known
        values = {int(v): reconstruct(int(v), modulus) for v in np.unique(self._entries)}
        if any(value is None for value in values.values()):
            return None
        fractions = np.array([values[int(v)] for v in self._entries], dtype=object)
        return self._encoder(self._factors(fractions))

    def _encoder(self, factors: list[NDArray]) -> TileEncoder | None:
        u, v, w = factors
        try:
            return TileEncoder.from_exact(self._format, u, v, w.T)
        except InvalidInput:
            return None

    def _factors(self, entries: NDArray) -> list[NDArray]:
        ends = np.cumsum([rows * columns for rows, columns in self._shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(entries, ends), self._shapes, strict=True)]


def reconstruct(residue: int, modulus: int) -> Fraction | None:
    """The fraction a/b with a ≡ b·residue and |a|, b ≤ √(modulus/2), or None.

    >>> reconstruct(-pow(3, -1, 2**20) % 2**20, 2**20)
    Fraction(-1, 3)

    Source: Wang, A p-adic algorithm for univariate partial fractions, 1981.
    """
    bound = isqrt(modulus // 2)
    (a, b), (rest, factor) = (modulus, 0), (residue % modulus, 1)
    while rest > bound:
        quotient = a // rest
        (a, b), (rest, factor) = (rest, factor), (a - quotient * rest, b - quotient * factor)
    if factor == 0 or abs(factor) > bound:
        return None
    fraction = Fraction(rest, factor)
    return fraction if (fraction.numerator - fraction.denominator * residue) % modulus == 0 else None


def _product(factors: list[Unsigned]) -> Unsigned:
    """Σ_s u⊗v⊗w modulo 2⁶⁴."""
    u, v, w = factors
    left = (u[:, :, None] * v[:, None, :]).reshape(len(u), -1)
    return (left.T @ w).reshape(u.shape[1], v.shape[1], w.shape[1])


def _jacobian(scheme: Scheme) -> NDArray[np.bool_]:
    """The derivatives of the Brent equations modulo 2, one row an unknown: (r·(n·m + m·p + n·p), equations)."""
    u, v, w = (factor.astype(bool) for factor in scheme.factors)
    sizes = scheme.format.sizes
    rows = []
    for slot, size in enumerate(sizes):
        block = np.zeros((scheme.rank, size, *sizes), dtype=bool)
        for entry in range(size):
            if slot == 0:
                block[:, entry, entry] = v[:, :, None] & w[:, None, :]
            elif slot == 1:
                block[:, entry, :, entry] = u[:, :, None] & w[:, None, :]
            else:
                block[:, entry, :, :, entry] = u[:, :, None] & v[:, None, :]
        rows.append(block.reshape(scheme.rank * size, -1))
    return np.concatenate(rows)
