"""Fewer additions in another basis: sparse encoding and decoding matrices between changes of basis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.quality.additions import coefficient_rows, without_sharing
from stl_algebra.quality.elimination import eliminated, transposed_rows
from stl_algebra.quality.straight_line import Row

Floats = NDArray[np.floating[Any]]

#: Independence is decided modulo this prime: what is independent there is so over the rationals.
_PRIME = 2**31 - 1
#: The largest denominator that a change of basis is looked for with.
_LARGEST_DENOMINATOR = 720
#: What is smaller counts as zero while candidates are collected; the core itself is computed exactly.
_TINY = 1e-7
_SMALLEST_PIVOT = 1e-2
#: The number of walks over systematic forms.
_WALKS = 4


@dataclass(frozen=True)
class SparseFactor:
    """A matrix M written as core · basis, with an invertible basis.

    Parameters
    ----------
    core : list of dict of int to Fraction
        The r rows of the sparse matrix: nonzero coefficients by column.
    basis : list of dict of int to Fraction
        The k rows of the change of basis, k×k and invertible.
    """

    core: list[Row]
    basis: list[Row]

    @property
    def nonzeros(self) -> int:
        """The number of nonzero coefficients of the core."""
        return sum(map(len, self.core))

    def multiplied(self) -> list[Row]:
        """Multiply the core by the basis.

        Returns
        -------
        list of dict of int to Fraction
            The rows of M.
        """
        product = []
        for row in self.core:
            total: Row = {}
            for k, a in row.items():
                for j, b in self.basis[k].items():
                    total[j] = total.get(j, Fraction(0)) + a * b
            product.append({j: v for j, v in total.items() if v})
        return product


@dataclass(frozen=True)
class AlternativeBasis:
    """An encoder in another basis: X and W are transformed once, Y is transformed back once, at the end of a recursion.

    Parameters
    ----------
    encode_x : SparseFactor
        E_X = core · φ, φ of n·m rows.
    encode_w : SparseFactor
        E_W = core · ψ, ψ of m·p rows.
    decode : SparseFactor
        Dᵀ = core · ν, so D = νᵀ · coreᵀ, ν of n·p rows.
    additions : int
        Additions of one level of the recursion in the new basis, with common subexpressions shared.
    naive : int
        The same, without sharing.
    transformations : int
        Additions of φ, ψ and νᵀ, without sharing. In a recursion over N×N matrices they take O(N² log N) operations.
    """

    encode_x: SparseFactor
    encode_w: SparseFactor
    decode: SparseFactor
    additions: int
    naive: int
    transformations: int

    @property
    def nonzeros(self) -> int:
        """The number of nonzero coefficients of the three cores."""
        return self.encode_x.nonzeros + self.encode_w.nonzeros + self.decode.nonzeros


def alternative_basis(encoder: TileEncoder, restarts: int = 4, seed: int = 0) -> AlternativeBasis:
    """Search for bases of X, W and Y in which an encoder has few coefficients.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder that is exact over Z, Z[1/2] or Q.
    restarts : int, default 4
        The number of randomised greedy runs for sharing subexpressions of the cores.
    seed : int, default 0
        The seed of the search.

    Returns
    -------
    AlternativeBasis
        The best bases found. core · basis is proved to be the matrix of the encoder, the basis to be invertible.

    Raises
    ------
    InvalidInput
        If the encoder is not exact over the integers or rationals.

    Notes
    -----
    The columns of a core are vectors of the column space of the matrix. Many sparse ones are collected from systematic
    forms, whose every column has k − 1 zeros or more, along a random walk of pivots; of these the sparsest that are
    independent make the core, which is optimal for what was collected.

    References
    ----------
    .. [1] Karstadt, Schwartz, Matrix multiplication, a little faster, J. ACM 67, 2020 (alternative bases).
    .. [2] Beniamini, Cheng, Holtz, Karstadt, Schwartz, Sparsifying the operators of fast matrix multiplication
       algorithms, arXiv 2008.03759.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> found = alternative_basis(strassen())
    >>> found.nonzeros, found.additions
    (30, 12)
    """
    if not encoder.ring.is_exact_for_reals:
        raise InvalidInput("only an encoder that is exact over the integers or rationals has an alternative basis")
    x, w, d = coefficient_rows(encoder)
    in_x, in_w, out = encoder.format.sizes
    encode_x, encode_w = sparsified(x, in_x, seed), sparsified(w, in_w, seed)
    decode = sparsified(transposed_rows(d, encoder.rank), out, seed)
    maps = ((encode_x.core, in_x), (encode_w.core, in_w), (transposed_rows(decode.core, out), encoder.rank))
    back = transposed_rows(decode.basis, out)
    return AlternativeBasis(
        encode_x,
        encode_w,
        decode,
        additions=sum(eliminated(rows, inputs, restarts, seed).additions for rows, inputs in maps),
        naive=sum(without_sharing(rows) for rows, _ in maps),
        transformations=sum(map(without_sharing, (encode_x.basis, encode_w.basis, back))),
    )


def sparsified(rows: Sequence[Row], columns: int, seed: int = 0) -> SparseFactor:
    """Write a matrix as core · basis, with few nonzeros in the core.

    Parameters
    ----------
    rows : sequence of dict of int to Fraction
        The rows of the matrix: nonzero coefficients by column.
    columns : int
        The number k of columns. If they are dependent, only their own unit vectors are tried.
    seed : int, default 0
        The seed of the search.

    Returns
    -------
    SparseFactor
        The factors, proved. The core is never less sparse than the matrix.
    """
    units = [tuple(Fraction(i == j) for i in range(columns)) for j in range(columns)]
    candidates = {vector: _column(rows, vector) for vector in [*units, *_sparse_combinations(rows, columns, seed)]}
    order = sorted(candidates, key=lambda v: (len(candidates[v]), sum(abs(c) != 1 for c in candidates[v].values()), v))
    chosen: list[tuple[Fraction, ...]] = []
    echelon = _Echelon(columns)
    for vector in order:
        if len(chosen) < columns and echelon.add(vector):
            chosen.append(vector)
    core = transposed_rows([candidates[vector] for vector in chosen], len(rows))
    basis = _inverse([list(entries) for entries in zip(*chosen, strict=True)])
    found = SparseFactor(core, basis)
    if found.multiplied() != list(rows):
        raise AssertionError("core · basis is not the matrix, though the basis is the inverse of the combinations")
    return found


def _sparse_combinations(rows: Sequence[Row], columns: int, seed: int) -> set[tuple[Fraction, ...]]:
    """Combinations of the columns with many zeros, scaled to coprime integers."""
    matrix = np.zeros((len(rows), columns))
    for i, row in enumerate(rows):
        for j, v in row.items():
            matrix[i, j] = v
    generator = np.random.default_rng(seed)
    best: dict[bytes, tuple[int, Floats]] = {}
    for _ in range(_WALKS):
        start = _independent_rows(rows, columns, generator)
        if start is None:
            return set()
        _walk(matrix, start, generator, best)
    return {vector for _, floats in best.values() if (vector := _integers(floats)) is not None}


def _walk(
    matrix: Floats,
    units: list[int],
    generator: np.random.Generator,
    best: dict[bytes, tuple[int, Floats]],
) -> None:
    """Walk over systematic forms, from the one whose rows `units` make the identity; add the sparsest columns."""
    columns = matrix.shape[1]
    keep, worst = 12 * columns, len(matrix)
    combination = np.linalg.inv(matrix[units])
    form = matrix @ combination
    for step in range(max(60, 15 * columns)):
        support = np.abs(form) > _TINY
        weights = support.sum(axis=0)
        for column in np.flatnonzero(weights <= worst):
            best.setdefault(np.packbits(support[:, column]).tobytes(), (int(weights[column]), combination[:, column]))
        if len(best) > 2 * keep:
            kept = sorted(best.items(), key=lambda item: item[1][0])[:keep]
            best.clear()
            best.update(kept)
            worst = kept[-1][1][0]
        j = int(generator.integers(columns))
        i = int(generator.choice(np.flatnonzero(support[:, j])))
        if i == units[j] or abs(form[i, j]) < _SMALLEST_PIVOT:
            continue
        units[j] = i
        scaled_form, scaled, row = form[:, j] / form[i, j], combination[:, j] / form[i, j], form[i].copy()
        row[j] = 0.0
        form, combination = form - np.outer(scaled_form, row), combination - np.outer(scaled, row)
        form[:, j], combination[:, j] = scaled_form, scaled
        if step % 50 == 49:  # rounding errors go
            combination = np.linalg.solve(matrix[units], np.eye(columns))
            form = matrix @ combination


def _independent_rows(rows: Sequence[Row], columns: int, generator: np.random.Generator) -> list[int] | None:
    """The indices of as many independent rows as there are columns, in random order; None if there are fewer."""
    echelon = _Echelon(columns)
    found: list[int] = []
    for index in generator.permutation(len(rows)):
        if len(found) < columns and echelon.add([rows[index].get(j, Fraction(0)) for j in range(columns)]):
            found.append(int(index))
    return found if len(found) == columns else None


def _integers(floats: Floats) -> tuple[Fraction, ...] | None:
    """The coprime integers in the ratio of these numbers; None if there are no small ones."""
    largest = floats[np.abs(floats).argmax()]
    ratios = [Fraction(v).limit_denominator(_LARGEST_DENOMINATOR) for v in (floats / largest).tolist()]
    common = lcm(*(v.denominator for v in ratios))
    whole = [int(v * common) for v in ratios]
    divisor = gcd(*whole)
    return tuple(Fraction(v, divisor) for v in whole) if common <= _LARGEST_DENOMINATOR else None


def _column(rows: Sequence[Row], vector: tuple[Fraction, ...]) -> Row:
    """The matrix times a vector, by row."""
    values = (sum((v * vector[j] for j, v in row.items() if vector[j]), Fraction(0)) for row in rows)
    return {i: value for i, value in enumerate(values) if value}


class _Echelon:
    """Vectors that are independent modulo a prime, and so over the rationals."""

    def __init__(self, size: int) -> None:
        self._rows = np.zeros((0, size), dtype=np.int64)
        self._pivots: list[int] = []

    def add(self, vector: Sequence[Fraction]) -> bool:
        """Take a vector in if it is independent of those before."""
        row = np.array([v.numerator * pow(v.denominator, -1, _PRIME) % _PRIME for v in vector], dtype=np.int64)
        for pivot, other in zip(self._pivots, self._rows, strict=True):
            if row[pivot]:
                row = (row - row[pivot] * other) % _PRIME
        if not row.any():
            return False
        pivot = int(np.flatnonzero(row)[0])
        row = row * pow(int(row[pivot]), -1, _PRIME) % _PRIME
        self._rows = np.vstack([self._rows, row])
        self._pivots.append(pivot)
        return True


def _inverse(matrix: list[list[Fraction]]) -> list[Row]:
    """The exact inverse, by rows of nonzero coefficients; the matrix is invertible."""
    size = len(matrix)
    rows = [{**{j: v for j, v in enumerate(row) if v}, size + i: Fraction(1)} for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = min((k for k in range(column, size) if column in rows[k]), key=lambda k: len(rows[k]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = rows[column][column]
        rows[column] = {j: v / scale for j, v in rows[column].items()}
        for k in range(size):
            if k != column and (factor := rows[k].get(column)):
                for j, v in rows[column].items():
                    if value := rows[k].get(j, Fraction(0)) - factor * v:
                        rows[k][j] = value
                    else:
                        del rows[k][j]
    return [{j - size: v for j, v in sorted(row.items()) if j >= size} for row in rows]
