"""The tile encoder: a rank-r CP approximation of the matrix-multiplication tensor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.brent import satisfies_brent
from stl_algebra.error import error_at_precision, growth, relative_error
from stl_algebra.errors import InvalidInput
from stl_algebra.factors import Factors, FactorsLike
from stl_algebra.format import Format
from stl_algebra.notebook import figures_table
from stl_algebra.precision import Precision
from stl_algebra.ring import MAX_NUMERATOR, Ring, numerators


@dataclass(frozen=True, eq=False)
class TileEncoder:
    """A tile encoder: a bilinear algorithm of rank r for the format ⟨n,m,p⟩, as three matrices that never change.

    It computes vec(XW) ≈ D · ((E_X vec X) ⊙ (E_W vec W)) with row-major vec. Encoders are equal if their contents are.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    encode_x : ndarray of float64, shape (r, n·m)
        E_X, the linear forms of X.
    encode_w : ndarray of float64, shape (r, m·p)
        E_W, the linear forms of W.
    decode : ndarray of float64, shape (n·p, r)
        D, the coefficients of each product in Y = XW.
    ring : Ring, default Ring.R
        The ring over which the formula is an identity. Every ring but R is proved on construction, in exact arithmetic.
    denominators : tuple of three int, default (1, 1, 1)
        Denominators of E_X, E_W and D. The exact coefficients of a factor are its float64 entries read as fractions
        over its denominator. Over GF(2) all entries are 0 or 1 and are read modulo 2.

    Raises
    ------
    InvalidInput
        If a shape does not fit the format, an entry is not finite, or the encoder is not exact over `ring`.

    References
    ----------
    .. [1] arXiv 2503.12211 (the STL operator).
    .. [2] Kolda, Bader, Tensor decompositions and applications, SIAM Review 51, 2009.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> TileEncoder(Format(1, 1, 1), one, one, one, Ring.Z).exact
    True
    """

    format: Format
    encode_x: NDArray[np.float64]
    encode_w: NDArray[np.float64]
    decode: NDArray[np.float64]
    ring: Ring = Ring.R
    denominators: tuple[int, int, int] = (1, 1, 1)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "format", Format(*self.format))
        for name in ("encode_x", "encode_w", "decode"):
            set_field(self, name, _frozen(name, getattr(self, name)))
        rank = len(self.encode_x)
        in_x, in_w, out = self.format.sizes
        for name, shape in (("encode_x", (rank, in_x)), ("encode_w", (rank, in_w)), ("decode", (out, rank))):
            if getattr(self, name).shape != shape:
                found = getattr(self, name).shape
                raise InvalidInput(f"{name} has shape {found}; format {self.format} and rank {rank} need {shape}")
        if rank == 0:
            raise InvalidInput("an encoder needs at least one product")
        set_field(self, "denominators", tuple(int(d) for d in self.denominators))
        if self.ring.is_exact:
            self._prove()

    @classmethod
    def from_exact(cls, format: Format, encode_x: ArrayLike, encode_w: ArrayLike, decode: ArrayLike) -> TileEncoder:
        """Build an exact encoder from integer or Fraction coefficients.

        Parameters
        ----------
        format : Format
            The format ⟨n,m,p⟩.
        encode_x : array_like of int or Fraction, shape (r, n·m)
            E_X, the linear forms of X.
        encode_w : array_like of int or Fraction, shape (r, m·p)
            E_W, the linear forms of W.
        decode : array_like of int or Fraction, shape (n·p, r)
            D, the coefficients of each product in Y = XW.

        Returns
        -------
        TileEncoder
            The encoder, over the smallest of Z, Z[1/2] and Q that holds its coefficients.

        Raises
        ------
        InvalidInput
            If the Brent equations do not hold, or a numerator or denominator is 2⁵¹ or larger.

        Examples
        --------
        >>> TileEncoder.from_exact(Format(1, 1, 1), [[Fraction(1, 2)]], [[2]], [[1]]).ring.value
        'Z[1/2]'
        """
        x, qx = _over_one_denominator(encode_x)
        w, qw = _over_one_denominator(encode_w)
        d, qd = _over_one_denominator(decode)
        return cls(Format(*format), x, w, d, Ring.of_denominators((qx, qw, qd)), (qx, qw, qd))

    @property
    def rank(self) -> int:
        """The number r of products."""
        return len(self.encode_x)

    @property
    def factors(self) -> Factors:
        """The factors (E_X, E_W, Dᵀ) with one row for each product: shapes (r, n·m), (r, m·p), (r, n·p)."""
        return Factors(self.encode_x, self.encode_w, self.decode.T)

    @property
    def ratio(self) -> float:
        """Multiplications relative to the classical algorithm: r / (n·m·p)."""
        return self.rank / self.format.products

    @property
    def exact(self) -> bool:
        """Whether the Brent equations are proved over `ring`."""
        return self.ring.is_exact

    @cached_property
    def relative_error(self) -> float:
        """The relative squared error E‖Ŷ−Y‖² / E‖Y‖² for X and W with independent zero-mean entries of equal variance.

        It equals ‖R‖² / (n·m·p), R the residual tensor, and is zero if the encoder is exact over Z, Z[1/2] or Q.
        """
        return 0.0 if self.ring.is_exact_for_reals else relative_error(self.format, *self.factors)

    @cached_property
    def growth(self) -> float:
        """Σ_s ‖E_X[s]‖² ‖E_W[s]‖² ‖D[:,s]‖²; the squared rounding error is proportional to it."""
        return growth(*self.factors)

    def error_at(self, precision: str | Precision) -> float:
        """Compute the relative squared error if the encoded operands are rounded to a precision.

        Parameters
        ----------
        precision : str or Precision
            The precision, or its name, such as ``"bf16"``.

        Returns
        -------
        float
            E‖Ŷ−Y‖² / E‖Y‖², as `error_at_precision` defines it.

        Raises
        ------
        InvalidInput
            If no precision has this name.
        """
        return error_at_precision(self.format, self.relative_error, self.growth, Precision.parse(precision))

    @cached_property
    def digest(self) -> str:
        """The content address: SHA-256 over format, ring, denominators and entries, as 64 hexadecimal digits.

        Entries are hashed as little-endian float64; −0 counts as 0.
        """
        header = f"stl {self.format} {self.rank} {self.ring} {self.denominators}".encode()
        content = hashlib.sha256(header)
        for factor in (self.encode_x, self.encode_w, self.decode):
            content.update(np.ascontiguousarray(factor + 0.0, dtype="<f8").tobytes())
        return content.hexdigest()

    def exact_coefficients(self) -> tuple[list[list[Fraction]], list[list[Fraction]], list[list[Fraction]]]:
        """Return the exact coefficients as fractions.

        Returns
        -------
        encode_x : list of list of Fraction
            E_X, of shape (r, n·m).
        encode_w : list of list of Fraction
            E_W, of shape (r, m·p).
        decode : list of list of Fraction
            D, of shape (n·p, r).

        Raises
        ------
        InvalidInput
            If the encoder is not exact.
        """
        if not self.exact:
            raise InvalidInput("an approximate encoder has no exact coefficients")
        x, w, d = (
            [[Fraction(int(v), q) for v in row] for row in np.rint(factor * q)]
            for factor, q in zip((self.encode_x, self.encode_w, self.decode), self.denominators, strict=True)
        )
        return x, w, d

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TileEncoder) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[type[TileEncoder], tuple[object, ...]]:
        # Rebuilt through the constructor, so that a copy is as frozen and as proved as the original.
        return type(self), (self.format, self.encode_x, self.encode_w, self.decode, self.ring, self.denominators)

    def __repr__(self) -> str:
        return (
            f"TileEncoder({self.format}, rank={self.rank}, ring={self.ring}, "
            f"relative_error={self.relative_error:.6g}, growth={self.growth:.4g})"
        )

    def _repr_html_(self) -> str:
        figures = {
            "format": self.format,
            "rank": f"{self.rank} of {self.format.products}",
            "ring": self.ring if self.exact else f"{self.ring} (approximate)",
            "relative error": f"{self.relative_error:.6g}",
            "growth": f"{self.growth:.6g}",
            "nonzero coefficients": sum(np.count_nonzero(factor) for factor in self.factors),
            "digest": self.digest[:10],
        }
        return figures_table("Tile encoder", figures)

    def _prove(self) -> None:
        if any(d < 1 for d in self.denominators):
            raise InvalidInput(f"denominators {self.denominators} are not positive")
        if self.ring is Ring.GF2:
            if not all(np.isin(f, (0.0, 1.0)).all() for f in self.factors) or prod(self.denominators) != 1:
                raise InvalidInput("an encoder over GF(2) has coefficients 0 and 1 only")
        elif self.ring is not Ring.of_denominators(self.denominators):
            raise InvalidInput(f"ring {self.ring} does not match the denominators {self.denominators}")
        integers = []
        for name, factor, q in zip(("encode_x", "encode_w", "decode"), self._matrices, self.denominators, strict=True):
            over = numerators(factor, q)
            if over is None:
                raise InvalidInput(f"{name} is not a matrix of fractions over {q}, so not over {self.ring}")
            integers.append(over)
        modulus = 2 if self.ring is Ring.GF2 else None
        if not satisfies_brent(self.format, *integers, scale=prod(self.denominators), modulus=modulus):
            raise InvalidInput(
                f"the Brent equations of {self.format} do not hold over {self.ring}: this rank-{self.rank} "
                "encoder is not exact"
            )

    @property
    def _matrices(self) -> FactorsLike:
        return self.encode_x, self.encode_w, self.decode


def _frozen(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64, order="C")
    if array.ndim != 2:
        raise InvalidInput(f"{name} has {array.ndim} dimensions; it must be a matrix")
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} has an entry that is not finite")
    array.setflags(write=False)
    return array


def _over_one_denominator(coefficients: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """The float64 matrix of exact coefficients and their least common denominator."""
    try:
        rows = [[Fraction(v) for v in row] for row in np.asarray(coefficients, dtype=object)]
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("exact coefficients must be a matrix of integers or fractions") from None
    if len({len(row) for row in rows}) > 1:
        raise InvalidInput("exact coefficients must be a matrix: its rows have different lengths")
    denominator = lcm(*(v.denominator for row in rows for v in row)) if rows else 1
    integers = [[v.numerator * (denominator // v.denominator) for v in row] for row in rows]
    if any(abs(v) >= MAX_NUMERATOR for row in integers for v in row) or denominator >= MAX_NUMERATOR:
        raise InvalidInput("an exact coefficient is too large: numerators and denominators must stay below 2^51")
    return np.array(integers, dtype=np.float64) / denominator, denominator
