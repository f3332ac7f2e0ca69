"""Elimination of common subexpressions: fewer additions for a linear map."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from math import gcd, lcm

import numpy as np

from stl_algebra.quality.straight_line import ProgramWriter, Row, StraightLineProgram

#: Two variables, the smaller first, and the ratio of their coefficients as a reduced fraction.
Pair = tuple[int, int, int, int]


def greedy(rows: Sequence[Row], inputs: int, generator: np.random.Generator | None = None) -> StraightLineProgram:
    """Share the pair xᵢ + ρ xⱼ that most rows have, up to a scalar, until no two rows share one.

    Parameters
    ----------
    rows : sequence of dict of int to Fraction
        The rows of the matrix: nonzero coefficients by column.
    inputs : int
        The number of columns.
    generator : numpy.random.Generator or None
        Breaks ties; None takes the pair that comes first.

    Returns
    -------
    StraightLineProgram
        The program, not proved.

    References
    ----------
    .. [1] Paar, Optimized arithmetic for Reed–Solomon encoders, 1997.
    """
    scales = [lcm(*(v.denominator for v in row.values())) for row in rows]
    left = [{j: int(v * scale) for j, v in row.items()} for row, scale in zip(rows, scales, strict=True)]
    writer = ProgramWriter(inputs)
    shared = _Shared()
    for k, row in enumerate(left):
        for pair in _pairs(row):
            shared.add(pair, k)
    while ties := shared.most():
        pair = min(ties) if generator is None else next(islice(ties, int(generator.integers(len(ties))), None))
        i, j, upper, lower = pair
        fresh = writer.add(i, j, Fraction(1), Fraction(upper, lower))
        for k in sorted(shared.holders[pair]):
            row = left[k]
            a = row.pop(i)
            b = row.pop(j)
            shared.drop(pair, k)
            for other, c in row.items():
                shared.drop(_pair(i, a, other, c), k)
                shared.drop(_pair(j, b, other, c), k)
                shared.add(_pair(other, c, fresh, a), k)
            row[fresh] = a
    sums = zip(left, scales, strict=True)
    return writer.program([writer.sum([(j, Fraction(v, scale)) for j, v in row.items()]) for row, scale in sums])


def eliminated(rows: Sequence[Row], inputs: int, restarts: int, seed: int = 0) -> StraightLineProgram:
    """Find a program with few additions: the best of several greedy runs on a matrix and on its transpose.

    Parameters
    ----------
    rows : sequence of dict of int to Fraction
        The rows of the matrix: nonzero coefficients by column.
    inputs : int
        The number of columns.
    restarts : int
        The number of runs with ties broken at random, for the matrix and for its transpose each.
    seed : int, default 0
        The seed that breaks ties.

    Returns
    -------
    StraightLineProgram
        The program, proved: multiplied out it gives the matrix.

    Notes
    -----
    A program for the transpose, run backwards, is one for the matrix (see `StraightLineProgram.transposed`).
    """
    generator = np.random.default_rng(seed)
    turned = transposed_rows(rows, inputs)
    best = greedy(rows, inputs)
    candidates = [best, greedy(turned, len(rows)).transposed()]
    for _ in range(restarts):
        candidates.append(greedy(rows, inputs, generator))
        candidates.append(greedy(turned, len(rows), generator).transposed())
    return min(candidates, key=lambda program: (program.additions, program.scalings)).check(rows)


def transposed_rows(rows: Sequence[Row], inputs: int) -> list[Row]:
    """Transpose a sparse matrix.

    Parameters
    ----------
    rows : sequence of dict of int to Fraction
        Its rows: nonzero coefficients by column.
    inputs : int
        The number of columns.

    Returns
    -------
    list of dict of int to Fraction
        The rows of the transpose.
    """
    columns: list[Row] = [{} for _ in range(inputs)]
    for i, row in enumerate(rows):
        for j, v in row.items():
            columns[j][i] = v
    return columns


def _pairs(row: dict[int, int]) -> list[Pair]:
    entries = list(row.items())
    return [_pair(i, a, j, b) for k, (i, a) in enumerate(entries) for j, b in entries[k + 1 :]]


def _pair(i: int, a: int, j: int, b: int) -> Pair:
    """The pair of the terms a·xᵢ and b·xⱼ, up to a scalar."""
    if i > j:
        i, a, j, b = j, b, i, a
    if a == 1:
        return i, j, b, 1
    if a == -1:
        return i, j, -b, 1
    common = gcd(a, b) if a > 0 else -gcd(a, b)
    return i, j, b // common, a // common


class _Shared:
    """Which rows hold a pair, and by number of rows the pairs that several hold, in the order in which they came."""

    def __init__(self) -> None:
        self.holders: dict[Pair, set[int]] = {}
        self._by_count: list[dict[Pair, None]] = [{}, {}]

    def most(self) -> dict[Pair, None]:
        """The pairs that most rows hold; none if no two rows share one."""
        while len(self._by_count) > 2 and not self._by_count[-1]:
            self._by_count.pop()
        return self._by_count[-1] if len(self._by_count) > 2 else {}

    def add(self, pair: Pair, row: int) -> None:
        held = self.holders.setdefault(pair, set())
        self._move(pair, len(held), len(held) + 1)
        held.add(row)

    def drop(self, pair: Pair, row: int) -> None:
        held = self.holders[pair]
        self._move(pair, len(held), len(held) - 1)
        held.discard(row)
        if not held:
            del self.holders[pair]

    def _move(self, pair: Pair, before: int, after: int) -> None:
        if before > 1:
            del self._by_count[before][pair]
        if after > 1:
            while len(self._by_count) <= after:
                self._by_count.append({})
            self._by_count[after][pair] = None
