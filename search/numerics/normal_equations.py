"""The Gauss–Newton normal equations of the CP problem, assembled by blocks: the Jacobian is never formed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from search.numerics.objective import Factors
from stl_algebra.compiled import njit

Array = NDArray[np.float64]
Floats = NDArray[np.floating]

#: From this order on the Schur complement is factored in single precision and the step refined in double.
SINGLE_FROM = 512
#: The damping of the factored system, at least, relative to the largest diagonal entry: what single precision holds.
SINGLE_DAMPING = 5e-7
#: Relative residual of a refined step, and the conjugate gradients that cost less than a factor in double precision.
REFINED, REFINEMENTS = 1e-7, 20


class NormalEquations:
    """(JᵀJ + λI) δ = −g of the CP objective at given factors, solved for any damping λ.

    With Gram matrices A = uuᵀ, B = vvᵀ, C = wwᵀ (r, r) and K = 1 + ρ²I, the blocks of JᵀJ are

        uu: (K∘B∘C)[s,t] I        uv: (K∘C)[s,t] u_t[a] v_s[b]        and cyclically.

    The ww block (K∘A∘B + λ) ⊗ I is inverted by one r×r Cholesky factorisation, and the Schur complement S it
    leaves on (u, v) has entries H − (K∘Z) (K∘A∘B + λ)⁻¹ (K∘Z)ᵀ ∘ C with Z of r columns, so one iteration
    costs one Cholesky factorisation of order r(n·m + m·p).

    Where S is large that factorisation is in single precision, of S with λ no smaller than it can hold, and
    preconditions conjugate gradients in double precision: S times a vector costs O(r² (n·m + m·p + n·p)) by the
    blocks. Two iterations suffice for large λ and about fifteen for tiny ones; where they do not, S is factored
    in double precision.

    Source: Tomasi, Bro, A comparison of algorithms for fitting the PARAFAC model, 2006 (block structure);
    the rank-r form of the Schur complement follows from the Kronecker structure of its blocks; Higham, Mary, Mixed
    precision algorithms in numerical linear algebra, 2022 (single-precision factors as preconditioners).
    """

    def __init__(self, factors: Factors, value: float, gradient: Factors, penalty: float) -> None:
        self.factors, self.value, self.gradient = factors, value, gradient
        u, v, w = factors
        kernel = np.ones((len(u), len(u)))
        kernel[np.diag_indices(len(u))] += penalty
        gram_u, gram_v, self._gram_w = u @ u.T, v @ v.T, w @ w.T
        self._by_u, self._by_v, self._by_w = kernel * gram_u, kernel * gram_v, kernel * self._gram_w
        self._hessian_u = self._by_v * self._gram_w
        self._hessian_v = self._by_u * self._gram_w
        self._hessian_w = self._by_u * gram_v

    def step(self, damping: float) -> Factors | None:
        """δ = (δu, δv, δw) for damping λ > 0, or None where rounding makes the system indefinite."""
        lower_w, info = lapack.dpotrf(self._hessian_w + damping * np.eye(len(self._hessian_w)), lower=1, clean=1)
        if info:
            return None
        g_u, g_v, g_w = self.gradient
        eliminated_u, eliminated_v = self._into_uv(lapack.dpotrs(lower_w, g_w, lower=1)[0])
        right = _joined(eliminated_u - g_u, eliminated_v - g_v)
        solution = self._solve_in_single(lower_w, damping, right)
        if solution is None:
            factor = self._factored(lower_w, damping, np.float64)
            if factor is None:
                return None
            solution = lapack.dpotrs(factor, right, lower=0)[0]
        delta_u, delta_v = self._split(solution)
        delta_w = -lapack.dpotrs(lower_w, g_w + self._into_w(delta_u, delta_v), lower=1)[0]
        return delta_u, delta_v, delta_w

    def _solve_in_single(self, lower_w: Array, damping: float, right: Array) -> Array | None:
        """S⁻¹ right by refined single precision, or None where that is not to be had."""
        if len(right) < SINGLE_FROM:
            return None
        largest = max(self._hessian_u.diagonal().max(), self._hessian_v.diagonal().max())
        factor = self._factored(lower_w, max(damping, SINGLE_DAMPING * largest), np.float32)
        if factor is None:
            return None
        solution, residual, direction, energy = np.zeros_like(right), right, np.zeros_like(right), 1.0
        goal = REFINED * float(np.linalg.norm(right))
        for _ in range(REFINEMENTS):
            preconditioned = lapack.spotrs(factor, residual.astype(np.float32), lower=0)[0].astype(np.float64)
            energy, before = float(residual @ preconditioned), energy
            direction = preconditioned + (energy / before) * direction
            image = self._times(direction, lower_w, damping)
            curvature = float(direction @ image)
            if not (energy > 0 and curvature > 0):  # rounding has the last word, or nothing is finite
                return None
            solution = solution + energy / curvature * direction
            residual = residual - energy / curvature * image
            if np.linalg.norm(residual) <= goal:
                return solution
        return None

    def _factored(
        self, lower_w: Array, damping: float, precision: type[np.float32] | type[np.float64]
    ) -> Floats | None:
        """The upper Cholesky factor of S in a precision, column-major, or None where S is indefinite to rounding."""
        u, v, _ = self.factors
        rank = len(u)
        z_u = (self._by_v[:, None, :] * u.T[None]).reshape(-1, rank)
        z_v = (self._by_u[:, None, :] * v.T[None]).reshape(-1, rank)
        half = lapack.dtrtrs(lower_w, np.concatenate([z_u, z_v]).T, lower=1)[0].astype(precision)
        syrk, potrf = (blas.ssyrk, lapack.spotrf) if precision is np.float32 else (blas.dsyrk, lapack.dpotrf)
        # The lower triangle of a C-ordered matrix is the upper one of its Fortran-ordered transpose.
        system = syrk(1.0, half, trans=1, lower=0)
        blocks: list[Floats] = [
            block.astype(precision) for block in (self._hessian_u, self._hessian_v, self._by_w, self._gram_w, u, v)
        ]
        uu, vv, uv, ww, u_rows, v_rows = blocks
        _assemble(system.T, uu, vv, uv, ww, u_rows, v_rows, damping)
        factor, info = potrf(system, lower=0, clean=0, overwrite_a=1)
        return None if info else factor

    def _times(self, vector: Array, lower_w: Array, damping: float) -> Array:
        """S times a vector, by the blocks of JᵀJ."""
        u, v, _ = self.factors
        x_u, x_v = self._split(vector)
        back_u, back_v = self._into_uv(lapack.dpotrs(lower_w, self._into_w(x_u, x_v), lower=1)[0])
        image_u = self._hessian_u @ x_u + damping * x_u + (self._by_w * (v @ x_v.T)) @ u - back_u
        image_v = self._hessian_v @ x_v + damping * x_v + (self._by_w * (u @ x_u.T)) @ v - back_v
        return _joined(image_u, image_v)

    def _into_w(self, x_u: Array, x_v: Array) -> Array:
        """The w rows of JᵀJ times (x_u, x_v, 0)."""
        u, v, w = self.factors
        product: Array = (self._by_v * (u @ x_u.T) + self._by_u * (v @ x_v.T)) @ w
        return product

    def _into_uv(self, x_w: Array) -> tuple[Array, Array]:
        """The u and v rows of JᵀJ times (0, 0, x_w)."""
        u, v, w = self.factors
        along = w @ x_w.T
        return (self._by_v * along) @ u, (self._by_u * along) @ v

    def _split(self, vector: Array) -> tuple[Array, Array]:
        u, v, _ = self.factors
        return vector[: u.size].reshape(u.shape), vector[u.size :].reshape(v.shape)


def _joined(x_u: Array, x_v: Array) -> Array:
    return np.concatenate([x_u.ravel(), x_v.ravel()])


@njit(cache=True, fastmath=True)
def _assemble(
    system: Floats, uu: Floats, vv: Floats, uv: Floats, gram_w: Floats, u: Floats, v: Floats, damping: float
) -> None:
    """Turn the correction (K∘Z) (K∘A∘B + λ)⁻¹ (K∘Z)ᵀ into the Schur complement S, in its lower triangle."""
    rank, size_u = u.shape
    size_v = v.shape[1]
    order_u = rank * size_u
    for s in range(rank):
        for t in range(s + 1):
            c = -gram_w[s, t]
            for a in range(size_u):
                i = s * size_u + a
                for j in range(t * size_u, (t + 1) * size_u):
                    system[i, j] *= c
                system[i, t * size_u + a] += uu[s, t]
            for a in range(size_v):
                i = order_u + s * size_v + a
                start = order_u + t * size_v
                for j in range(start, start + size_v):
                    system[i, j] *= c
                system[i, start + a] += vv[s, t]
    for t in range(rank):  # row (t, b) of v against column (s, a) of u
        for b in range(size_v):
            i = order_u + t * size_v + b
            for s in range(rank):
                c = gram_w[s, t]
                k = uv[s, t] * v[s, b]
                for a in range(size_u):
                    j = s * size_u + a
                    system[i, j] = k * u[t, a] - c * system[i, j]
    for i in range(len(system)):
        system[i, i] += damping
