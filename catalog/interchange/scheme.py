"""A bilinear scheme as other collections write it: exact coefficients, to be verified before they are believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from math import isfinite, isqrt, lcm
from typing import Any

import numpy as np

from catalog.encoder_file import check_size
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import MAX_NUMERATOR, Ring

Rows = list[list[Fraction]]

#: Numerators and denominators stay exact in float64 below this.
LIMIT = 2**53
#: A float64 that is the nearest to a fraction of a denominator up to this is taken for the fraction.
MOST_DENOMINATOR = 1 << 20
_FRACTION = re.compile(r"[+-]?[0-9]{1,40}(/[1-9][0-9]{0,40})?")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,40}\.[0-9]{0,40}|\.[0-9]{1,40}|[0-9]{1,40}(?=[eE]))([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Scheme:
    """Exact coefficients as read, one row a product, not verified.

    Parameters
    ----------
    format : Format
        ⟨n,m,p⟩.
    encode_x : r rows of n·m Fraction
        A row a product.
    encode_w : r rows of m·p Fraction
        A row a product.
    out : r rows of n·p Fraction
        A row a product, for C itself.
    details : mapping
        What else its file says, for the provenance: JSON.

    Raises
    ------
    InvalidInput
        If the rows do not have these lengths, or the scheme is larger than a catalog takes.

    Examples
    --------
    >>> one = [[Fraction(1)]]
    >>> Scheme(Format(1, 1, 1), one, one, one).encoder().ring.value
    'Z'
    """

    format: Format
    encode_x: Rows
    encode_w: Rows
    out: Rows
    details: Mapping[str, Any] = field(default_factory=dict, compare=False)

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
        """The rows of the three factors: encode_x, encode_w and out."""
        return self.encode_x, self.encode_w, self.out

    @property
    def rank(self) -> int:
        """The number of products r."""
        return len(self.encode_x)

    def encoder(self, *, approximate: bool = False) -> TileEncoder:
        """Give the encoder, proved over the smallest of Z, Z[1/2] and Q if it is exact, else over GF(2).

        Parameters
        ----------
        approximate : bool
            Whether a scheme that is exact nowhere gives an encoder over R.

        Returns
        -------
        TileEncoder
            The encoder.

        Raises
        ------
        InvalidInput
            If it is exact nowhere and `approximate` is false.
        """
        if (encoder := self.proved()) is not None:
            return encoder
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused where it is stored
            encoder = self._rounded()
            error = encoder.relative_error
        if not approximate:
            raise InvalidInput(
                f"it is no exact scheme of {self.format} over Q or GF(2): its relative error is "
                f"{error:.3g}; give --approximate to keep it as an approximate encoder"
            )
        return encoder

    def proved(self) -> TileEncoder | None:
        """Give the encoder over the smallest of Z, Z[1/2] and Q if it is exact, else over GF(2).

        Returns
        -------
        TileEncoder or None
            The encoder; None if it is exact nowhere.
        """
        x, w, out = (_over_one_denominator(rows) for rows in self.factors)
        if x is not None and w is not None and out is not None:
            denominators = x[1], w[1], out[1]
            ring = Ring.of_denominators(denominators)
            try:
                return TileEncoder(self.format, x[0], w[0], out[0].T, ring, denominators)
            except InvalidInput:
                pass  # not exact over Q
        if any(abs(value.numerator) >= LIMIT for rows in self.factors for row in rows for value in row):
            return None
        if all(value.denominator % 2 for rows in self.factors for row in rows for value in row):
            u, v, d = (np.array([[v.numerator % 2 for v in row] for row in rows], float) for rows in self.factors)
            try:
                return TileEncoder(self.format, u, v, d.T, Ring.GF2)
            except InvalidInput:
                pass  # nor modulo 2
        return None

    def in_other_orders(self) -> list[Scheme]:
        """Read the third factor for Cᵀ if it was read for C, and for C if it was read for Cᵀ.

        Returns
        -------
        list of Scheme
            The scheme read so; where n ≠ p the two ways differ.
        """
        n, _, p = self.format
        shapes = [(p, n)] if n == p else [(p, n), (n, p)]
        return [replace(self, out=transposed(self.out, *shape)) for shape in shapes]

    def _rounded(self) -> TileEncoder:
        """The encoder over R."""
        x, w, d = (np.array([[float(v) for v in row] for row in rows]) for rows in self.factors)
        return TileEncoder(self.format, x, w, d.T)

    @classmethod
    def of(cls, encoder: TileEncoder) -> Scheme:
        """Give the scheme of an exact encoder.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder.

        Returns
        -------
        Scheme
            The scheme.

        Raises
        ------
        InvalidInput
            If the encoder is approximate.
        """
        if not encoder.exact:
            raise InvalidInput("an approximate encoder has no exact coefficients to write; export it as .safetensors")
        x, w, d = encoder.exact_coefficients()
        return cls(encoder.format, x, w, _columns(d))


def parse_rational(text: object) -> Fraction:
    """Read a coefficient: a number, or text such as 3, -1/2, 0.25 or 1e-3.

    A float64, and a decimal of more digits than one has, stands for the simple fraction it is nearest to, if there is
    one, and for itself otherwise: such a coefficient belongs to an approximate scheme.

    Parameters
    ----------
    text : object
        The coefficient.

    Returns
    -------
    Fraction
        Its value.

    Raises
    ------
    InvalidInput
        If it is none, or too large.

    Examples
    --------
    >>> parse_rational("-1/2"), parse_rational(0.1257)
    (Fraction(-1, 2), Fraction(1257, 10000))
    """
    if isinstance(text, float) and isfinite(text):
        return _of_float(text)
    if isinstance(text, str) and _DECIMAL.fullmatch(text.strip()) and isfinite(float(text)):
        value = Fraction(text)
        return value if _is_small(value) else _of_float(float(text))
    whole = isinstance(text, int) and not isinstance(text, bool)
    if not whole and not (isinstance(text, str) and _FRACTION.fullmatch(text.strip())):
        raise InvalidInput(f"{str(text)[:40]!r} is no coefficient; numbers and fractions such as -1/2 are")
    value = Fraction(str(text))
    if not _is_small(value):
        raise InvalidInput(f"the coefficient {str(text)[:40]} is too large: numerator and denominator stay below 2^53")
    return value


@lru_cache(maxsize=1 << 16)
def _of_float(value: float) -> Fraction:
    """The simple fraction that a float64 is the nearest to, or the float64 itself."""
    simple = Fraction(value).limit_denominator(MOST_DENOMINATOR)
    return simple if float(simple) == value else Fraction(value)


def _is_small(value: Fraction) -> bool:
    return abs(value.numerator) < LIMIT and value.denominator < LIMIT


def format_of_sizes(x: int, w: int, y: int) -> Format:
    """Find the format whose tiles have given numbers of entries.

    Parameters
    ----------
    x, w, y : int
        The entries of a tile of X, of W and of Y.

    Returns
    -------
    Format
        The format.

    Raises
    ------
    InvalidInput
        If there is none.

    Examples
    --------
    >>> format_of_sizes(6, 12, 8)
    Format(n=2, m=3, p=4)
    """
    if min(x, w, y) > 0 and max(x, w, y) <= 1 << 24:
        n, m, p = (isqrt(a * b // c) for a, b, c in ((x, y, w), (x, w, y), (w, y, x)))
        if (n * m, m * p, n * p) == (x, w, y):
            return Format(n, m, p)
    raise InvalidInput(f"no format has tiles of {x}, {w} and {y} entries")


def transposed(rows: Iterable[Sequence[Fraction]], n: int, p: int) -> Rows:
    """Turn rows for Cᵀ (entry k·n + i) into rows for C (entry i·p + k).

    Parameters
    ----------
    rows : iterable of sequence of Fraction
        The rows, each of n·p entries.
    n, p : int
        The shape of C.

    Returns
    -------
    list of list of Fraction
        The rows for C.

    Raises
    ------
    InvalidInput
        If a row has another length.

    Examples
    --------
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


def _over_one_denominator(rows: Rows) -> tuple[np.ndarray, int] | None:
    """The coefficients over their least common denominator, and that; None where a number reaches MAX_NUMERATOR."""
    common = 1
    for denominator in {value.denominator for row in rows for value in row}:
        common = lcm(common, denominator)
        if common >= MAX_NUMERATOR:  # never a runaway integer
            return None
    if common == 1:
        integers = [[value.numerator for value in row] for row in rows]
    else:
        integers = [[value.numerator * (common // value.denominator) for value in row] for row in rows]
    try:
        numerators = np.array(integers, dtype=np.float64)
    except OverflowError:
        return None
    return None if np.abs(numerators).max() >= MAX_NUMERATOR else (numerators / common, common)
