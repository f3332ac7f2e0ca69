"""Linear systems over GF(2), on vectors packed 64 coordinates to a word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.bits import U64, lowest_bit
from stl_algebra.compiled import njit

Words = NDArray[np.uint64]
_ZERO, _ONE = U64(0), U64(1)


def pack(bits: NDArray[np.bool_]) -> Words:
    """Rows of bits as rows of words, bit i of a row in word i // 64.

    >>> pack(np.array([[True, False, True]])).tolist()
    [[5]]
    """
    rows, length = bits.shape
    padded = np.zeros((rows, -(-length // 64) * 64), dtype=bool)
    padded[:, :length] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


class ColumnSpace:
    """The column space of a matrix over GF(2), eliminated once, so that many right sides are solved quickly.

    Columns are given as rows of bits, (columns, equations). Those that depend on earlier ones stay unused: every
    solution found is 0 there, so the order says which columns are preferred.

    >>> space = ColumnSpace(np.array([[True, False], [True, True], [False, True]]))
    >>> space.rank, space.solve(np.array([False, True])).tolist()
    (2, [True, True, False])
    """

    def __init__(self, columns: NDArray[np.bool_]) -> None:
        self._count = len(columns)
        self._vectors = pack(columns)
        self._sums = pack(np.eye(self._count, dtype=bool))
        self._pivots = np.zeros(self._count, np.int64)
        self.rank = int(_eliminate(self._vectors, self._sums, self._pivots))

    def solve(self, right: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Which columns add up to the right side, as (columns,) bits, or None where none do."""
        rest = pack(right[None])[0]
        used = np.zeros_like(self._sums[0])
        _reduce(rest, used, self._vectors, self._sums, self._pivots, self.rank)
        if rest.any():
            return None
        return np.unpackbits(used.astype("<u8").view(np.uint8), bitorder="little")[: self._count].astype(bool)


@njit(cache=True, nogil=True)
def _eliminate(vectors: Words, sums: Words, pivots: NDArray[np.int64]) -> int:
    """Turn the vectors into a basis of their span, in the first places; `sums` follows what they are sums of.

    A basis vector is 0 at the pivots of those before it, so one pass in order reduces any vector.
    """
    rank = 0
    for index in range(len(vectors)):
        _reduce(vectors[index], sums[index], vectors, sums, pivots, rank)
        for word in range(vectors.shape[1]):
            if vectors[index, word] != _ZERO:
                pivots[rank] = 64 * word + np.int64(lowest_bit(vectors[index, word]))
                vectors[rank], sums[rank] = vectors[index], sums[index]
                rank += 1
                break
    return rank


@njit(cache=True, nogil=True)
def _reduce(vector: Words, combined: Words, vectors: Words, sums: Words, pivots: NDArray[np.int64], rank: int) -> None:
    """Add basis vectors to a vector until it is 0 at all pivots, and their sums to what it is a sum of."""
    for i in range(rank):
        if (vector[pivots[i] >> 6] >> U64(pivots[i] & 63)) & _ONE:
            for word in range(len(vector)):
                vector[word] ^= vectors[i, word]
            for word in range(len(combined)):
                combined[word] ^= sums[i, word]
