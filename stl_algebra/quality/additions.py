"""How many additions an encoder costs, with common subexpressions shared."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.quality.elimination import eliminated
from stl_algebra.quality.straight_line import Row, StraightLineProgram

Matrix = NDArray[np.float64]


class Additions(NamedTuple):
    """The additions of one tile product.

    Parameters
    ----------
    encode_x : int
        Additions for encoding X.
    encode_w : int
        Additions for encoding W.
    decode : int
        Additions for decoding.
    naive : int
        Additions for all three if no subexpression is shared.
    """

    encode_x: int
    encode_w: int
    decode: int
    naive: int

    @property
    def total(self) -> int:
        """The additions for encoding and decoding together."""
        return self.encode_x + self.encode_w + self.decode


class Programs(NamedTuple):
    """Straight-line programs for the three linear maps of an encoder.

    Parameters
    ----------
    encode_x : StraightLineProgram
        From vec X, n·m inputs, to the r left operands.
    encode_w : StraightLineProgram
        From vec W, m·p inputs, to the r right operands.
    decode : StraightLineProgram
        From the r products to vec Y, n·p outputs.
    """

    encode_x: StraightLineProgram
    encode_w: StraightLineProgram
    decode: StraightLineProgram

    @property
    def additions(self) -> int:
        """The additions of all three."""
        return sum(program.additions for program in self)


def programs(encoder: TileEncoder, restarts: int = 4, seed: int = 0) -> Programs:
    """Write an encoder as straight-line programs with common subexpressions shared.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    restarts : int, default 4
        The number of randomised greedy runs for each linear map and for its transpose; the best is kept.
    seed : int, default 0
        The seed that breaks ties.

    Returns
    -------
    Programs
        The programs, proved: multiplied out they give the coefficients of the encoder exactly. The coefficients of an
        approximate encoder are its float64 entries.

    References
    ----------
    .. [1] Paar, Optimized arithmetic for Reed–Solomon encoders, 1997 (greedy pairs).
    .. [2] Bürgisser, Clausen, Shokrollahi, Algebraic Complexity Theory, 1997, Theorem 13.20 (transposition).

    Examples
    --------
    >>> from stl_algebra.schemes import winograd
    >>> programs(winograd()).additions
    15
    """
    in_x, in_w, _ = encoder.format.sizes
    x, w, d = coefficient_rows(encoder)
    return Programs(
        eliminated(x, in_x, restarts, seed),
        eliminated(w, in_w, restarts, seed),
        eliminated(d, encoder.rank, restarts, seed),
    )


def count_additions(encoder: TileEncoder, restarts: int = 4, seed: int = 0) -> Additions:
    """Count the additions and subtractions of one tile product, with subexpressions shared greedily.

    The result is an upper bound. Multiplications by scalars are not counted.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    restarts : int, default 4
        The number of randomised greedy runs for each linear map and for its transpose; the best is kept.
    seed : int, default 0
        The seed that breaks ties.

    Returns
    -------
    Additions
        The counts, those of `programs`.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_algebra.schemes import winograd
    >>> count_additions(strassen()).total, count_additions(winograd()).total
    (18, 15)
    """
    naive = sum(map(without_sharing, coefficient_rows(encoder)))
    x, w, d = (program.additions for program in programs(encoder, restarts, seed))
    return Additions(x, w, d, naive)


def additions_of(matrices: tuple[Matrix, Matrix, Matrix], restarts: int = 4, seed: int = 0) -> Additions:
    """Count the additions of three linear maps, as `count_additions` does.

    Parameters
    ----------
    matrices : tuple of three ndarray of float64
        The maps E_X, E_W and D, of shapes (r, n·m), (r, m·p) and (n·p, r).
    restarts : int, default 4
        The number of randomised greedy runs for each linear map and for its transpose; the best is kept.
    seed : int, default 0
        The seed that breaks ties.

    Returns
    -------
    Additions
        The counts.
    """
    maps = [_rows(matrix.tolist()) for matrix in matrices]
    counts = [eliminated(rows, m.shape[1], restarts, seed).additions for rows, m in zip(maps, matrices, strict=True)]
    return Additions(counts[0], counts[1], counts[2], sum(map(without_sharing, maps)))


def coefficient_rows(encoder: TileEncoder) -> tuple[list[Row], list[Row], list[Row]]:
    """Give the coefficients of an encoder as sparse rows of exact numbers.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    encode_x : list of dict of int to Fraction
        The rows of E_X.
    encode_w : list of dict of int to Fraction
        The rows of E_W.
    decode : list of dict of int to Fraction
        The rows of D.
    """
    if encoder.exact:
        x, w, d = encoder.exact_coefficients()
        return _rows(x), _rows(w), _rows(d)
    return _rows(encoder.encode_x.tolist()), _rows(encoder.encode_w.tolist()), _rows(encoder.decode.tolist())


def without_sharing(rows: Sequence[Row]) -> int:
    """Count the additions of a linear map if no subexpression is shared.

    Parameters
    ----------
    rows : sequence of dict of int to Fraction
        The rows of the matrix: nonzero coefficients by column.

    Returns
    -------
    int
        The number of nonzeros, less one for each row that is not zero.
    """
    return sum(max(len(row) - 1, 0) for row in rows)


def _rows(matrix: Sequence[Sequence[float | Fraction]]) -> list[Row]:
    return [{j: Fraction(v) for j, v in enumerate(row) if v} for row in matrix]
