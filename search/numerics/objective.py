"""The objective of a numerical search: squared residual plus rounding error, on the CP problem."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stl_algebra import Format, Precision, TileMoments, matmul_tensor
from stl_algebra.error import growth

Factor = NDArray[np.float64]
Factors = tuple[Factor, Factor, Factor]


@dataclass(frozen=True, eq=False)
class Objective:
    """F(u, v, w) = ‖Σ_s u_s ⊗ v_s ⊗ w_s − T‖² + ρ² Σ_s ‖u_s‖² ‖v_s‖² ‖w_s‖².

    T is the matrix-multiplication tensor of a format, (n·m, m·p, n·p), and ρ² = 2δ² the rounding of the
    precision: F / (n·m·p) is then the error at that precision. Factors have one row a product.

    With `weights` the factors are in the whitened coordinates of Moments and T is its target, so that F / (n·m·p)
    is the error under these second moments; a `Problem` maps encoders there and back.

    >>> Objective.at(Format(1, 1, 1), "bf16").value((np.ones((1, 1)),) * 3) < 1e-5
    True
    """

    format: Format
    penalty: float
    weights: TileMoments | None = None

    @classmethod
    def at(
        cls,
        format: Format,
        precision: str | Precision,
        *,
        penalty_scale: float = 1.0,
        weights: TileMoments | None = None,
    ) -> Objective:
        """The objective at a precision; `penalty_scale` multiplies ρ², to hold growth down on the way."""
        return cls(format, 2 * Precision.parse(precision).rounding ** 2 * penalty_scale, weights)

    @cached_property
    def target(self) -> NDArray[np.float64]:
        return matmul_tensor(self.format) if self.weights is None else self.weights.target

    def residual(self, factors: Factors) -> NDArray[np.float64]:
        """Σ_s u_s ⊗ v_s ⊗ w_s − T, of the shape of T."""
        u, v, w = factors
        rank = len(u)
        outer = (u.T[:, None, :] * v.T[None, :, :]).reshape(-1, rank)
        return (outer @ w).reshape(self.target.shape) - self.target

    def value(self, factors: Factors) -> float:
        """F, not divided by n·m·p."""
        residual = self.residual(factors)
        return float(np.vdot(residual, residual)) + self.penalty * growth(*factors)

    def error(self, factors: Factors) -> float:
        """F / (n·m·p): the error at the precision, where penalty_scale is 1."""
        return self.value(factors) / self.format.products

    def value_and_gradient(self, factors: Factors) -> tuple[float, Factors]:
        """F and half its gradient with respect to u, v and w."""
        u, v, w = factors
        residual = self.residual(factors)
        rank = len(u)
        norms = [np.einsum("sa,sa->s", f, f) for f in factors]
        size_a, size_b, size_c = residual.shape
        flat = residual.reshape(size_a * size_b, size_c) @ w.T  # (ab, s)
        by_w = flat.reshape(size_a, size_b, rank)
        gradient_u = np.einsum("abs,sb->sa", by_w, v)
        gradient_v = np.einsum("abs,sa->sb", by_w, u)
        outer = (u.T[:, None, :] * v.T[None, :, :]).reshape(-1, rank)
        gradient_w = (residual.reshape(-1, size_c).T @ outer).T
        rho = self.penalty
        gradient = (
            gradient_u + rho * u * (norms[1] * norms[2])[:, None],
            gradient_v + rho * v * (norms[0] * norms[2])[:, None],
            gradient_w + rho * w * (norms[0] * norms[1])[:, None],
        )
        value = float(np.vdot(residual, residual)) + rho * float(np.sum(norms[0] * norms[1] * norms[2]))
        return value, gradient
