"""The format ⟨n,m,p⟩ of a tile product."""

from __future__ import annotations

import re
from math import isfinite
from numbers import Rational, Real
from typing import NamedTuple

from stl_algebra.errors import InvalidInput


class _Dimensions(NamedTuple):
    n: int
    m: int
    p: int


class Format(_Dimensions):
    """The format ⟨n,m,p⟩: an n×m tile of X times an m×p tile of W gives an n×p tile of Y.

    A plain tuple with names, so ``Format(4, 4, 4) == (4, 4, 4)``.

    Parameters
    ----------
    n : int
        Rows of a tile of X and of Y, at least 1.
    m : int
        Columns of a tile of X and rows of a tile of W, at least 1.
    p : int
        Columns of a tile of W and of Y, at least 1.

    Raises
    ------
    InvalidInput
        If a dimension is not a positive integer.

    Examples
    --------
    >>> Format.parse("2x3x4").products
    24
    """

    __slots__ = ()

    def __new__(cls, n: int, m: int, p: int) -> Format:
        """Check and store the dimensions."""
        for name, size in zip("nmp", (n, m, p), strict=True):
            if not _is_whole(size) or size < 1:
                raise InvalidInput(f"tile dimension {name} = {size!r} is not a positive integer")
        return super().__new__(cls, int(n), int(m), int(p))

    @classmethod
    def parse(cls, text: str) -> Format:
        """Read a format such as ``4``, a cube, or ``2x3x4``.

        Parameters
        ----------
        text : str
            One size, or three sizes separated by ``x``.

        Returns
        -------
        Format
            The format.

        Raises
        ------
        InvalidInput
            If the text is not a format.

        Examples
        --------
        >>> Format.parse("4")
        Format(n=4, m=4, p=4)
        """
        match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6})[x×](\d{1,6}))?", text.strip(), re.IGNORECASE)
        if match is None:
            raise InvalidInput(f"tile {text!r} is not a format; write one size such as 4, or three such as 2x3x4")
        n, m, p = match.groups()
        return cls(int(n), int(m or n), int(p or n))

    @property
    def products(self) -> int:
        """The number n·m·p of scalar products of the classical algorithm."""
        return self.n * self.m * self.p

    @property
    def sizes(self) -> tuple[int, int, int]:
        """The numbers of entries (n·m, m·p, n·p) of a tile of X, of W and of Y."""
        return self.n * self.m, self.m * self.p, self.n * self.p

    @property
    def is_cube(self) -> bool:
        """Whether n = m = p."""
        return self.n == self.m == self.p

    def check_rank(self, rank: int) -> int:
        """Check that a rank is an integer between 1 and n·m·p.

        Parameters
        ----------
        rank : int
            The rank to check.

        Returns
        -------
        int
            The rank.

        Raises
        ------
        InvalidInput
            If the rank is not an integer in this range.

        Examples
        --------
        >>> Format(2, 2, 2).check_rank(7)
        7
        """
        if not _is_whole(rank) or not 1 <= rank <= self.products:
            raise InvalidInput(f"rank {rank} does not fit the format {self}; give a rank between 1 and {self.products}")
        return int(rank)

    def __str__(self) -> str:
        return f"{self.n}x{self.m}x{self.p}"


def _is_whole(value: object) -> bool:
    """Whether a value is a whole number, of any numeric type but bool."""
    if isinstance(value, Rational):  # of any size, where a float would overflow
        return not isinstance(value, bool) and value.denominator == 1
    return isinstance(value, Real) and isfinite(value) and float(value).is_integer()
