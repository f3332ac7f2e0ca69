"""Alternating least squares for the CP problem: many cheap sweeps."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from search.objective import Factors, Objective

Array = NDArray[np.float64]


def alternating_least_squares(objective: Objective, factors: Factors, sweeps: int) -> Factors:
    """The factors after so many sweeps; each solves for u, v and w in turn, the growth penalty included.

    With G = vvᵀ∘wwᵀ the minimum over u solves G∘(1 + ρ²I) u = MTTKRP(T), which costs O(r³ + r n·m·p): T is
    sparse. F never rises but for rounding. Shapes as in Objective.

    >>> from stl_algebra import strassen
    >>> objective, start = Objective(strassen().format, 1e-3), strassen().factors
    >>> objective.value(alternating_least_squares(objective, start, 5)) < objective.value(start)
    True

    Source: Carroll, Chang, 1970; Harshman, 1970; for this tensor, Brent 1970.
    """
    u, v, w = (np.ascontiguousarray(f, dtype=np.float64).copy() for f in factors)
    n, m, p = objective.format
    _sweep(u, v, w, n, m, p, objective.penalty, sweeps)
    return u, v, w


@njit(cache=True, fastmath=True)
def _sweep(  # noqa: PLR0912
    u: Array, v: Array, w: Array, n: int, m: int, p: int, penalty: float, sweeps: int
) -> None:
    rank = len(u)
    gram_u, gram_v, gram_w = u @ u.T, v @ v.T, w @ w.T
    system = np.empty((rank, rank))
    right_u, right_v, right_w = np.empty_like(u), np.empty_like(v), np.empty_like(w)
    for _ in range(sweeps):
        right_u[:] = 0.0
        for s in range(rank):
            for i in range(n):
                for j in range(m):
                    total = 0.0
                    for k in range(p):
                        total += v[s, j * p + k] * w[s, i * p + k]
                    right_u[s, i * m + j] = total
        _solve(system, gram_v, gram_w, penalty, right_u)
        u[:] = right_u
        gram_u[:] = u @ u.T
        right_v[:] = 0.0
        for s in range(rank):
            for i in range(n):
                for j in range(m):
                    x = u[s, i * m + j]
                    for k in range(p):
                        right_v[s, j * p + k] += x * w[s, i * p + k]
        _solve(system, gram_u, gram_w, penalty, right_v)
        v[:] = right_v
        gram_v[:] = v @ v.T
        right_w[:] = 0.0
        for s in range(rank):
            for i in range(n):
                for j in range(m):
                    x = u[s, i * m + j]
                    for k in range(p):
                        right_w[s, i * p + k] += x * v[s, j * p + k]
        _solve(system, gram_u, gram_v, penalty, right_w)
        w[:] = right_w
        gram_w[:] = w @ w.T


@njit(cache=True, fastmath=True)
def _solve(system: Array, first: Array, second: Array, penalty: float, right: Array) -> None:  # noqa: PLR0912
    """Solve (first∘second∘(1 + ρ²I) + εI) x = right in place, by Cholesky.

    The ridge ε, relative to the trace, keeps products that became parallel from failing the factorisation.
    """
    rank, columns = right.shape
    trace = 0.0
    for s in range(rank):
        trace += first[s, s] * second[s, s]
        for t in range(s + 1):
            system[s, t] = first[s, t] * second[s, t]
    ridge = 1e-12 * trace / rank
    for s in range(rank):
        system[s, s] = system[s, s] * (1.0 + penalty) + ridge
    for t in range(rank):  # right-looking: columns of the factor, contiguous in rows below
        for s in range(t, rank):
            total = system[s, t]
            for k in range(t):
                total -= system[s, k] * system[t, k]
            if s == t:
                system[t, t] = np.sqrt(max(total, ridge))
            else:
                system[s, t] = total / system[t, t]
    for s in range(rank):
        for k in range(s):
            factor = system[s, k]
            for c in range(columns):
                right[s, c] -= factor * right[k, c]
        inverse = 1.0 / system[s, s]
        for c in range(columns):
            right[s, c] *= inverse
    for s in range(rank - 1, -1, -1):
        inverse = 1.0 / system[s, s]
        for c in range(columns):
            right[s, c] *= inverse
        for k in range(s):
            factor = system[s, k]
            for c in range(columns):
                right[k, c] -= factor * right[s, c]
