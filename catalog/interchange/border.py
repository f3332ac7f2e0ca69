"""Approximate (APA) schemes: coefficients are Laurent polynomials in x, exact in the limit x → 0."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np

from catalog.encoder_file import MAX_WORK, check_size
from catalog.interchange.laurent import Laurent
from catalog.interchange.scheme import LIMIT
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.gauge import balance
from stl_algebra.precision import Precision
from stl_algebra.schemes.epsilon import EpsilonFamily
from stl_algebra.tensor import matmul_tensor

Factor = list[list[Laurent]]


@dataclass(frozen=True)
class BorderScheme:
    """A scheme whose coefficients are Laurent polynomials in x: Σ_s E_X(x) E_W(x) D(x) = T + O(x).

    At a positive x it is an encoder whose error falls and whose growth rises with 1/x.

    Parameters
    ----------
    format : Format
        ⟨n,m,p⟩.
    encode_x : r rows of n·m polynomials
        A row a product.
    encode_w : r rows of m·p polynomials
        A row a product.
    out : r rows of n·p polynomials
        A row a product, for C itself.

    Raises
    ------
    InvalidInput
        If a power of x below the first does not cancel; that is checked exactly.

    References
    ----------
    Bini, Capovani, Lotti, Romani, O(n^2.7799) complexity for approximate matrix multiplication, 1979.
    """

    format: Format
    encode_x: Factor
    encode_w: Factor
    out: Factor

    def __post_init__(self) -> None:
        check_size(self.format, len(self.encode_x))
        if self.error_degree < 1:
            raise InvalidInput(f"it does not tend to the product of {self.format} as x tends to 0")

    @property
    def rank(self) -> int:
        """The number of products r."""
        return len(self.encode_x)

    @cached_property
    def error_degree(self) -> int:
        """The least power of x that remains in the residual: at least 1 for a valid scheme."""
        pieces = [_by_exponent(factor) for factor in (self.encode_x, self.encode_w, self.out)]
        scale = 1
        for _, denominator in pieces:
            scale *= denominator
        in_x, in_w, _ = self.format.sizes
        terms = [len(matrices) for matrices, _ in pieces]
        if terms[0] * terms[1] * terms[2] * self.rank * in_x * in_w > 64 * MAX_WORK:
            raise InvalidInput("it has too many powers of x to be verified")
        residual: dict[int, np.ndarray] = {0: -scale * matmul_tensor(self.format)}
        bound = 0.0
        for (a, u), (b, v), (c, w) in itertools.product(*(matrices.items() for matrices, _ in pieces)):
            bound += self.rank * float(np.abs(u).max() * np.abs(v).max() * np.abs(w).max())
            left = np.einsum("sa,sb->abs", u, v).reshape(-1, self.rank)
            term = (left @ w).reshape(self.format.sizes)
            residual[a + b + c] = residual[a + b + c] + term if a + b + c in residual else term
        if bound + scale >= LIMIT:
            raise InvalidInput("its coefficients are too large to be verified exactly")
        return min((degree for degree, tensor in residual.items() if tensor.any()), default=1 << 30)

    @cached_property
    def family(self) -> EpsilonFamily:
        """The encoders of all x, without a proof of their own."""
        terms: list[Mapping[int, Any]] = []
        for factor in (self.encode_x, self.encode_w, self.out):
            matrices, denominator = _by_exponent(factor)
            terms.append({exponent: matrix / denominator for exponent, matrix in matrices.items()})
        x, w, out = terms
        return EpsilonFamily(self.format, x, w, {exponent: matrix.T for exponent, matrix in out.items()})

    def at(self, x: float) -> TileEncoder:
        """Give the encoder at a value of x, its products balanced.

        Parameters
        ----------
        x : float
            The value, in (0, 1].

        Returns
        -------
        TileEncoder
            The encoder.

        Raises
        ------
        InvalidInput
            If x is not in that range.
        """
        if not 0 < x <= 1:
            raise InvalidInput(f"x = {x} is not between 0 and 1")
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                encoder = self.family.at(x)
                # Where squares of its entries overflow, balancing would leave nothing of a product.
                if np.isfinite(encoder.relative_error) and np.isfinite(encoder.growth):
                    return balance(encoder)
        except (OverflowError, InvalidInput):  # a power of x, or what it is multiplied with, is no float64
            pass
        raise InvalidInput(f"at x = {x} its coefficients are too large for float64; give a larger --x")

    def best_x(self, precision: str | Precision) -> float:
        """Find the x whose encoder has the least error at a precision.

        Parameters
        ----------
        precision : str or Precision
            The precision.

        Returns
        -------
        float
            The x.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows at an x is refused by `at`
            return self.family.best_epsilon(precision)


def _by_exponent(factor: Factor) -> tuple[dict[int, np.ndarray], int]:
    """The factor's integer matrices by power of x, over one denominator."""
    coefficients = {c for row in factor for value in row for c in value.values()}
    denominator = lcm(*{c.denominator for c in coefficients})
    if denominator >= LIMIT or any(abs(c * denominator) >= LIMIT for c in coefficients):
        raise InvalidInput("its coefficients are no fractions over one denominator, all below 2^53")
    exponents = {exponent for row in factor for value in row for exponent in value}
    if len(exponents) * len(factor) * len(factor[0]) > MAX_WORK // 4:
        raise InvalidInput("it has too many powers of x to be verified")
    zero = Fraction(0)
    return {
        exponent: np.array([[float(value.get(exponent, zero) * denominator) for value in row] for row in factor])
        for exponent in sorted(exponents)
    }, denominator
