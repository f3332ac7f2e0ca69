"""Z3-invariant decompositions of a cube as a Levenberg–Marquardt model a third the size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from search.damped_solve import damped_solve
from search.levenberg_marquardt import Point
from search.objective import Factors, Objective
from stl_algebra.rotation import transpose_rows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CyclicModel:
    """F over Z3-invariant encoders of ⟨n,n,n⟩ with f fixed products a⊗a⊗a and t cyclic triples.

    In the trace form Σ u_s(X) v_s(W) z_s(Y'), with z the rows of w transposed as n×n matrices, the rotation
    u → v → z → u permutes products. The point is one matrix x of shape (f + 3t, n²): f fixed products,
    then the triples' first, second and third factors; u = x, v and z are x with those blocks rotated.

    >>> from stl_algebra import Format
    >>> CyclicModel(Objective(Format(2, 2, 2), 0.0), fixed=1, triples=2).rank
    7

    Source: Ballard, Ikenmeyer, Landsberg, Ryder, The geometry of rank decompositions of matrix
    multiplication II: 3×3 matrices, 2018 (Z3-invariant decompositions).
    """

    objective: Objective
    fixed: int
    triples: int

    @property
    def rank(self) -> int:
        return self.fixed + 3 * self.triples

    @cached_property
    def _rotation(self) -> NDArray[np.intp]:
        f, t = self.fixed, self.triples
        blocks = np.arange(f, f + 3 * t).reshape(3, t)
        return np.concatenate([np.arange(f), np.roll(blocks, -1, axis=0).ravel()])

    def factors(self, point: Point) -> Factors:
        """The full factors (u, v, w), one row a product."""
        (x,) = point
        n = self.objective.format.n
        v = x[self._rotation]
        return x, v, transpose_rows(v[self._rotation], n, n)

    def value(self, point: Point) -> float:
        return self.objective.value(self.factors(point))

    def linearise(self, point: Point) -> CyclicEquations:
        value, gradient = self.objective.value_and_gradient(self.factors(point))
        return CyclicEquations(point[0], self._rotation, value, gradient[0], self.objective.penalty)

    def normalise(self, point: Point) -> Point:
        """The three factors of each triple at equal norms."""
        (x,) = point
        x = x.copy()
        blocks = x[self.fixed :].reshape(3, self.triples, x.shape[1])
        norms = np.linalg.norm(blocks, axis=2)
        common = np.cbrt(norms.prod(axis=0))
        blocks *= np.where(common > 0, common / np.where(norms > 0, norms, 1.0), 0.0)[:, :, None]
        return (x,)


class CyclicEquations:
    """The normal equations over x: by invariance a third of JᵀJ restricted, H_uu + H_uv P + H_uz P²."""

    def __init__(self, x: Array, rotation: NDArray[np.intp], value: float, gradient: Array, penalty: float) -> None:
        self.value, self.gradient = value, (gradient,)
        v, z = x[rotation], x[rotation[rotation]]
        kernel = np.ones((len(x), len(x)))
        kernel[np.diag_indices(len(x))] += penalty
        gram_v, gram_z = v @ v.T, z @ z.T
        self._hessian = _assemble(kernel * gram_v * gram_z, kernel * gram_z, kernel * gram_v, x, v, z, rotation)

    def step(self, damping: float) -> Point | None:
        delta = damped_solve(self._hessian, self.gradient[0], damping)
        return None if delta is None else (delta,)


@njit(cache=True, fastmath=True)
def _assemble(diagonal: Array, uv: Array, uz: Array, u: Array, v: Array, z: Array, rotation: NDArray[np.intp]) -> Array:
    rank, size = u.shape
    hessian = np.zeros((rank * size, rank * size))
    for s in range(rank):
        for t in range(rank):
            for a in range(size):
                hessian[s * size + a, t * size + a] += diagonal[s, t]
            column_v, column_z = rotation[t] * size, rotation[rotation[t]] * size
            k_v, k_z = uv[s, t], uz[s, t]
            for a in range(size):
                row = s * size + a
                from_v, from_z = k_v * u[t, a], k_z * u[t, a]
                for b in range(size):
                    hessian[row, column_v + b] += from_v * v[s, b]
                for b in range(size):
                    hessian[row, column_z + b] += from_z * z[s, b]
    return hessian
