"""One-parameter families of approximate encoders that tend to an exact product as ε goes to zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import Precision

#: Below this the residual of a family drowns in float64 rounding.
SMALLEST_EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class EpsilonFamily:
    """A family of approximate encoders whose coefficients are Laurent polynomials in ε: a border-rank scheme.

    The error falls like ε² while the growth rises like a negative power of ε, so every precision has its best ε.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    encode_x : mapping of int to ndarray of int64, shape (r, n·m)
        The coefficient matrix of εᵏ in E_X for each exponent k.
    encode_w : mapping of int to ndarray of int64, shape (r, m·p)
        The coefficient matrix of εᵏ in E_W for each exponent k.
    decode : mapping of int to ndarray of int64, shape (n·p, r)
        The coefficient matrix of εᵏ in D for each exponent k.

    References
    ----------
    .. [1] Bini, Capovani, Lotti, Romani, O(n^2.7799) complexity for n×n approximate matrix multiplication, 1979.

    Examples
    --------
    >>> from stl_algebra.schemes import bini
    >>> family = bini()
    >>> family.at(0.01).relative_error < 1e-3
    True
    """

    format: Format
    encode_x: Mapping[int, NDArray[np.int64]]
    encode_w: Mapping[int, NDArray[np.int64]]
    decode: Mapping[int, NDArray[np.int64]]

    def __repr__(self) -> str:
        return f"EpsilonFamily({self.format}, rank={self.rank})"

    @property
    def rank(self) -> int:
        """The number r of products."""
        return len(next(iter(self.encode_x.values())))

    def at(self, epsilon: float) -> TileEncoder:
        """Evaluate the family at one ε.

        Parameters
        ----------
        epsilon : float
            A positive number.

        Returns
        -------
        TileEncoder
            The approximate encoder.

        Raises
        ------
        InvalidInput
            If `epsilon` is not a positive finite number.
        """
        if not 0 < epsilon < float("inf"):
            raise InvalidInput(f"epsilon {epsilon!r} is not a positive number")
        x, w, d = (
            np.sum([epsilon**power * matrix for power, matrix in terms.items()], axis=0)
            for terms in (self.encode_x, self.encode_w, self.decode)
        )
        return TileEncoder(self.format, x, w, d)

    def best_epsilon(self, precision: str | Precision) -> float:
        """Find the ε with the least error at a precision, to about six digits.

        Log ε is scanned from SMALLEST_EPSILON to 1; then the bracket of the least value is refined.

        Parameters
        ----------
        precision : str or Precision
            The precision, or its name, such as ``"bf16"``.

        Returns
        -------
        float
            The best ε.

        Raises
        ------
        InvalidInput
            If no precision has this name.
        """
        from scipy.optimize import minimize_scalar

        precision = Precision.parse(precision)

        def objective(log_epsilon: float) -> float:
            return log(self.at(exp(log_epsilon)).error_at(precision))

        grid = np.linspace(log(SMALLEST_EPSILON), 0.0, 61)
        best = int(np.argmin([objective(t) for t in grid]))
        bracket = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(objective, bounds=bracket, method="bounded", options={"xatol": 1e-7})
        return float(exp(found.x))

    def best(self, precision: str | Precision) -> TileEncoder:
        """Evaluate the family where its error at a precision is least.

        Parameters
        ----------
        precision : str or Precision
            The precision, or its name, such as ``"bf16"``.

        Returns
        -------
        TileEncoder
            The approximate encoder at the best ε.

        Raises
        ------
        InvalidInput
            If no precision has this name.
        """
        return self.at(self.best_epsilon(precision))
