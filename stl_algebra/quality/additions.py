"""How many additions an encoder costs, with common subexpressions shared."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder

Row = dict[int, Fraction]
Matrices = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class Additions(NamedTuple):
    """Additions for encoding X, encoding W and decoding; `naive` without any sharing."""

    encode_x: int
    encode_w: int
    decode: int
    naive: int

    @property
    def total(self) -> int:
        return self.encode_x + self.encode_w + self.decode


def count_additions(encoder: TileEncoder, restarts: int = 4, seed: int = 0) -> Additions:
    """Additions and subtractions of one tile product, subexpressions shared greedily (an upper bound).

    In each of the three linear maps the pair xᵢ + ρ xⱼ that most rows share, up to a scalar, becomes a new variable,
    until no pair is shared; ties are broken at random and the best of `restarts` kept. By the transposition
    principle a circuit of A additions for the transpose of an a×b matrix gives one of A + b − a for the matrix,
    so both are tried. Multiplications by scalars are not counted.

    >>> from stl_algebra import strassen
    >>> from stl_algebra.schemes import winograd
    >>> count_additions(strassen()).total, count_additions(winograd()).total
    (18, 15)

    Source: Paar, Optimized arithmetic for Reed–Solomon encoders, 1997 (greedy pairs); Bürgisser, Clausen, Shokrollahi,
    Algebraic Complexity Theory, 1997, Theorem 13.20 (transposition).
    """
    return additions_of((encoder.encode_x, encoder.encode_w, encoder.decode), restarts, seed)


def additions_of(matrices: Matrices, restarts: int = 4, seed: int = 0) -> Additions:
    """`count_additions` of the three linear maps (E_X, E_W, D), in float64."""
    generator = np.random.default_rng(seed)
    maps = [_exact_rows(matrix) for matrix in matrices]
    counts = [_least(rows, restarts, generator) for rows in maps]
    naive = sum(_without_sharing(rows) for rows in maps)
    return Additions(counts[0], counts[1], counts[2], naive)


def _exact_rows(matrix: np.ndarray) -> list[Row]:
    """Rows as sparse vectors of the exact values of the float64 entries: equal floats are equal coefficients."""
    return [{j: Fraction(v) for j, v in enumerate(row) if v} for row in matrix.tolist()]


def _without_sharing(rows: list[Row]) -> int:
    return sum(max(len(row) - 1, 0) for row in rows)


def _least(rows: list[Row], restarts: int, generator: np.random.Generator) -> int:
    columns: dict[int, Row] = {}
    for i, row in enumerate(rows):
        for j, v in row.items():
            columns.setdefault(j, {})[i] = v
    transposed = list(columns.values())
    offset = len(columns) - sum(1 for row in rows if row)
    found = []
    for _ in range(max(restarts, 1)):
        found += [_shared(rows, generator), _shared(transposed, generator) + offset]
    return min(found)


def _shared(rows: list[Row], generator: np.random.Generator) -> int:
    """Additions after greedy sharing of pairs in one linear map."""
    rows = [dict(row) for row in rows]
    fresh = 1 + max((j for row in rows for j in row), default=0)
    additions = 0
    counts = Counter(pair for row in rows for pair in _pairs(row))
    while counts:
        most = max(counts.values())
        if most < 2:
            break
        ties = [pair for pair, count in counts.items() if count == most]
        i, j, ratio = ties[generator.integers(len(ties))]
        additions += 1
        for row in rows:
            if i in row and j in row and row[j] / row[i] == ratio:
                counts.subtract(_pairs(row))
                row[fresh] = row.pop(i)
                del row[j]
                counts.update(_pairs(row))
        fresh += 1
    return additions + _without_sharing(rows)


def _pairs(row: Row) -> list[tuple[int, int, Fraction]]:
    """All pairs of a row with the ratio of their coefficients."""
    entries = sorted(row.items())
    return [(i, j, b / a) for k, (i, a) in enumerate(entries) for j, b in entries[k + 1 :]]
