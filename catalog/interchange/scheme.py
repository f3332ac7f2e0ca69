"""A bilinear scheme as other collections write it: exact coefficients, to be verified before they are believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, lcm

import numpy as np

from catalog.encoder_file import check_size
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring

Rows = list[list[Fraction]]

#: Numerators and denominators stay exact in float64 below this.
LIMIT = 2**53


@dataclass(frozen=True)
class Scheme:
    """Coefficients as read: one row a product, encode_x (r, n·m), encode_w (r, m·p), out (r, n·p) for C itself.

    Raises InvalidInput where the rows do not have these lengths, or the scheme is larger than a catalog takes.

    >>> one = [[Fraction(1)]]
    >>> Scheme(Format(1, 1, 1), one, one, one).encoder().ring.value
    'Z'
    """

    format: Format
    encode_x: Rows
    encode_w: Rows
    out: Rows

    def __post_init__(self) -> None:
        rank = len(self.encode_x)
        for name, rows, size in zip("uvw", self.factors, self.format.sizes, strict=True):
            if len(rows) != rank or any(len(row) != size for row in rows):
                shape = (len(rows), len(rows[0]) if rows else 0)
                raise InvalidInput(f"factor {name} has shape {shape}; format {self.format} needs {(rank, size)}")
        if rank == 0:
            raise InvalidInput("a scheme needs at least one product")
        check_size(self.format, rank)

    @property
    def factors(self) -> tuple[Rows, Rows, Rows]:
        return self.encode_x, self.encode_w, self.out

    @property
    def rank(self) -> int:
        return len(self.encode_x)

    def encoder(self, *, approximate: bool = False) -> TileEncoder:
        """The encoder, proved over the smallest of Z, Z[1/2] and Q where it is exact, else over GF(2).

        Where it is exact nowhere: with `approximate` an encoder over R, otherwise InvalidInput.
        """
        if all(_common_denominator(rows) < LIMIT for rows in self.factors):
            try:
                matrices = (self.encode_x, self.encode_w, _columns(self.out))
                x, w, d = (np.array(rows, dtype=object) for rows in matrices)
                return TileEncoder.from_exact(self.format, x, w, d)
            except InvalidInput:
                pass  # not exact over Q
        if all(value.denominator % 2 for rows in self.factors for row in rows for value in row):
            x, w, d = (np.array([[v.numerator % 2 for v in row] for row in rows], float) for rows in self.factors)
            try:
                return TileEncoder(self.format, x, w, d.T, Ring.GF2)
            except InvalidInput:
                pass  # nor modulo 2
        x, w, d = (np.array([[float(v) for v in row] for row in rows]) for rows in self.factors)
        encoder = TileEncoder(self.format, x, w, d.T)
        if not approximate:
            raise InvalidInput(
                f"it is no exact scheme of {self.format} over Q or GF(2): its relative error is "
                f"{encoder.relative_error:.3g}; give --approximate to keep it as an approximate encoder"
            )
        return encoder

    @classmethod
    def of(cls, encoder: TileEncoder) -> Scheme:
        """The scheme of an exact encoder. Raises InvalidInput for an approximate one."""
        if not encoder.exact:
            raise InvalidInput("an approximate encoder has no exact coefficients to write; export it as .safetensors")
        x, w, d = encoder.exact_coefficients()
        return cls(encoder.format, x, w, _columns(d))


def parse_rational(text: object) -> Fraction:
    """A coefficient: an integer, or text such as 3, -1/2 or 0.25. Raises InvalidInput for anything else.

    >>> parse_rational("-1/2")
    Fraction(-1, 2)
    """
    value: Fraction | None = None
    if isinstance(text, int) and not isinstance(text, bool):
        value = Fraction(text)
    elif isinstance(text, float) and text.is_integer():
        value = Fraction(int(text))
    elif isinstance(text, str) and len(text) <= 40 and "e" not in text.lower() and "_" not in text:
        try:
            value = Fraction(text)
        except (ValueError, ZeroDivisionError):
            value = None
    if value is None:
        raise InvalidInput(f"{str(text)[:40]!r} is no coefficient; integers and fractions such as -1/2 are")
    if abs(value.numerator) >= LIMIT or value.denominator >= LIMIT:
        raise InvalidInput(f"the coefficient {str(text)[:40]} is too large: numerator and denominator stay below 2^53")
    return value


def format_of_sizes(x: int, w: int, y: int) -> Format:
    """The format whose tiles of X, W and Y have these numbers of entries. Raises InvalidInput where there is none.

    >>> format_of_sizes(6, 12, 8)
    Format(n=2, m=3, p=4)
    """
    if min(x, w, y) > 0 and max(x, w, y) <= 1 << 24:
        n, m, p = (isqrt(a * b // c) for a, b, c in ((x, y, w), (x, w, y), (w, y, x)))
        if (n * m, m * p, n * p) == (x, w, y):
            return Format(n, m, p)
    raise InvalidInput(f"no format has tiles of {x}, {w} and {y} entries")


def transposed(rows: Iterable[Sequence[Fraction]], n: int, p: int) -> Rows:
    """Rows for Cᵀ (entry k·n + i) as rows for C (entry i·p + k).

    >>> transposed([[Fraction(v) for v in (1, 2, 3, 4, 5, 6)]], 2, 3)[0] == [1, 3, 5, 2, 4, 6]
    True
    """
    rows = list(rows)
    for row in rows:
        if len(row) != n * p:  # before anything of that size is made: n and p may be any claim
            raise InvalidInput(f"a row of the third factor has {len(row)} entries; {n}×{p} are {n * p}")
    order = [k * n + i for i in range(n) for k in range(p)] if rows else []
    return [[row[index] for index in order] for row in rows]


def _columns(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]


def _common_denominator(rows: Rows) -> int:
    """The least common denominator, or LIMIT where it is not below that: never a runaway integer."""
    common = 1
    for row in rows:
        for value in row:
            common = lcm(common, value.denominator)
            if common >= LIMIT:
                return LIMIT
    return common
