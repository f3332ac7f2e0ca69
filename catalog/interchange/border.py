"""Approximate (APA) schemes: coefficients are Laurent polynomials in x, exact in the limit x → 0."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import exp, lcm, log

import numpy as np
from scipy.optimize import minimize_scalar

from catalog.encoder_file import MAX_WORK, check_size
from catalog.interchange.laurent import Laurent
from catalog.interchange.scheme import LIMIT
from stl_algebra.encoder import TileEncoder
from stl_algebra.error import error_at_precision, growth, relative_error
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.gauge import balance
from stl_algebra.precision import Precision
from stl_algebra.tensor import matmul_tensor

Factor = list[list[Laurent]]

#: The range that the best x is looked for in.
SMALLEST_X, LARGEST_X = 1e-6, 1.0


@dataclass(frozen=True)
class BorderScheme:
    """Σ_s E_X(x) E_W(x) D(x) = T + O(x): one row a product, encode_x (r, n·m), encode_w (r, m·p), out (r, n·p).

    That every power of x below the first cancels is verified exactly on construction (InvalidInput
    otherwise). At a positive x it is an encoder whose error falls and whose growth rises with 1/x.

    Source: Bini, Capovani, Lotti, Romani, O(n^2.7799) complexity for approximate matrix multiplication, 1979.
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

    def at(self, x: float) -> TileEncoder:
        """The encoder at a value of x, its products balanced. Raises InvalidInput where x is not in (0, 1]."""
        if not 0 < x <= 1:
            raise InvalidInput(f"x = {x} is not between 0 and 1")
        u, v, w = self._evaluate(x)
        return balance(TileEncoder(self.format, u, v, w.T))

    def best_x(self, precision: str | Precision) -> float:
        """The x in [SMALLEST_X, LARGEST_X] whose encoder has the least error at a precision."""
        at = Precision.parse(precision)

        def cost(logarithm: float) -> float:
            factors = self._evaluate(exp(logarithm))
            return error_at_precision(self.format, relative_error(self.format, *factors), growth(*factors), at)

        grid = np.linspace(log(SMALLEST_X), log(LARGEST_X), 140)
        best = int(np.argmin([cost(point) for point in grid]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
        return float(exp(found.x)) if found.fun < cost(grid[best]) else float(exp(grid[best]))

    def _evaluate(self, x: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        u, v, w = (
            np.array([[sum(float(c) * x**e for e, c in value.items()) for value in row] for row in factor])
            for factor in (self.encode_x, self.encode_w, self.out)
        )
        return u, v, w


def _by_exponent(factor: Factor) -> tuple[dict[int, np.ndarray], int]:
    """The factor's integer matrices by power of x, over one denominator."""
    denominator = lcm(*{c.denominator for row in factor for value in row for c in value.values()})
    if denominator >= LIMIT:
        raise InvalidInput("its coefficients have no common denominator below 2^53")
    exponents = {exponent for row in factor for value in row for exponent in value}
    zero = Fraction(0)
    return {
        exponent: np.array([[float(value.get(exponent, zero) * denominator) for value in row] for row in factor])
        for exponent in sorted(exponents)
    }, denominator
