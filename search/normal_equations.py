"""The Gauss–Newton normal equations of the CP problem, assembled by blocks: the Jacobian is never formed."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import lapack

from search.objective import Factors

Array = NDArray[np.float64]


class NormalEquations:
    """(JᵀJ + λI) δ = −g of the CP objective at given factors, solved for any damping λ.

    With Gram matrices A = uuᵀ, B = vvᵀ, C = wwᵀ (r, r) and K = 1 + ρ²I, the blocks of JᵀJ are

        uu: (K∘B∘C)[s,t] I        uv: (K∘C)[s,t] u_t[a] v_s[b]        and cyclically.

    The ww block (K∘A∘B + λ) ⊗ I is inverted by one r×r Cholesky factorisation, and the Schur complement it
    leaves on (u, v) has entries H − (K∘Z) (K∘A∘B + λ)⁻¹ (K∘Z)ᵀ ∘ C with Z of r columns, so one iteration
    costs one Cholesky factorisation of order r(n·m + m·p).

    Source: Tomasi, Bro, A comparison of algorithms for fitting the PARAFAC model, 2006 (block structure);
    the rank-r form of the Schur complement follows from the Kronecker structure of its blocks.
    """

    def __init__(self, factors: Factors, value: float, gradient: Factors, penalty: float) -> None:
        self.factors, self.value, self.gradient = factors, value, gradient
        u, v, w = factors
        rank = len(u)
        kernel = np.ones((rank, rank))
        kernel[np.diag_indices(rank)] += penalty
        self._gram_u, self._gram_v, self._gram_w = u @ u.T, v @ v.T, w @ w.T
        self._kernel = kernel
        z_u = ((kernel * self._gram_v)[:, None, :] * u.T[None]).reshape(-1, rank)
        z_v = ((kernel * self._gram_u)[:, None, :] * v.T[None]).reshape(-1, rank)
        self._coupling = np.concatenate([z_u, z_v])  # (r(nm + mp), r)
        self._hessian_w = kernel * self._gram_u * self._gram_v

    def step(self, damping: float) -> Factors | None:
        """δ = (δu, δv, δw) for damping λ > 0, or None where rounding makes the system indefinite."""
        u, v, w = self.factors
        rank, size_u, size_v = len(u), u.shape[1], v.shape[1]
        hessian_w = self._hessian_w + damping * np.eye(rank)
        lower_w, info = lapack.dpotrf(hessian_w, lower=1, clean=1)
        if info:
            return None
        half, _ = lapack.dtrtrs(lower_w, self._coupling.T, lower=1)  # (r, r(nm + mp))
        correction = half.T @ half
        system = _assemble(
            correction,
            self._kernel * self._gram_v * self._gram_w,
            self._kernel * self._gram_u * self._gram_w,
            self._kernel * self._gram_w,
            self._gram_w,
            u,
            v,
            damping,
        )
        g_u, g_v, g_w = self.gradient
        reduced_w = lapack.dpotrs(lower_w, g_w, lower=1)[0]
        through = w @ reduced_w.T
        rows = np.concatenate([np.repeat(np.arange(rank), size_u), np.repeat(np.arange(rank), size_v)])
        eliminated = np.einsum("xt,xt->x", self._coupling, through[rows])
        right = eliminated - np.concatenate([g_u.ravel(), g_v.ravel()])
        # The lower triangle of a C-ordered matrix is the upper one of its Fortran-ordered transpose.
        upper, info = lapack.dpotrf(system.T, lower=0, clean=0, overwrite_a=1)
        if info:
            return None
        solution = lapack.dpotrs(upper, right, lower=0)[0]
        delta_u = solution[: rank * size_u].reshape(rank, size_u)
        delta_v = solution[rank * size_u :].reshape(rank, size_v)
        weighted = self._coupling * solution[:, None]
        by_term = weighted[: rank * size_u].reshape(rank, size_u, rank).sum(1)
        by_term += weighted[rank * size_u :].reshape(rank, size_v, rank).sum(1)
        delta_w = -lapack.dpotrs(lower_w, g_w + by_term.T @ w, lower=1)[0]
        return delta_u, delta_v, delta_w


@njit(cache=True, fastmath=True)
def _assemble(
    correction: Array, uu: Array, vv: Array, uv: Array, gram_w: Array, u: Array, v: Array, damping: float
) -> Array:
    """The lower triangle of the Schur complement on (u, v)."""
    rank, size_u = u.shape
    size_v = v.shape[1]
    order_u = rank * size_u
    system = np.empty_like(correction)
    for s in range(rank):
        for t in range(s + 1):
            c = gram_w[s, t]
            for a in range(size_u):
                i = s * size_u + a
                for b in range(size_u):
                    j = t * size_u + b
                    system[i, j] = -c * correction[i, j]
                system[i, t * size_u + a] += uu[s, t]
            for a in range(size_v):
                i = order_u + s * size_v + a
                for b in range(size_v):
                    j = order_u + t * size_v + b
                    system[i, j] = -c * correction[i, j]
                system[i, order_u + t * size_v + a] += vv[s, t]
    for t in range(rank):  # row (t, b) of v against column (s, a) of u
        for b in range(size_v):
            i = order_u + t * size_v + b
            for s in range(rank):
                c = gram_w[s, t]
                k = uv[s, t] * v[s, b]
                for a in range(size_u):
                    j = s * size_u + a
                    system[i, j] = k * u[t, a] - c * correction[i, j]
    for i in range(len(system)):
        system[i, i] += damping
    return system
