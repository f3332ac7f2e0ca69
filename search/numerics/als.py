"""Alternating least squares for the CP problem: many cheap sweeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.numerics.objective import Factors, Objective
from stl_algebra.compiled import njit

Array = NDArray[np.float64]


#: Without weights the tensor is as it is.
_NO_ROOTS = np.empty((0, 0)), np.empty((0, 0))


def alternating_least_squares(objective: Objective, factors: Factors, sweeps: int) -> Factors:
    """The factors after so many sweeps; each solves for u, v and w in turn, the growth penalty included.

    With G = vvᵀ∘wwᵀ the minimum over u solves G∘(1 + ρ²I) u = MTTKRP(T), which costs O(r³ + r n·m·p): T is
    sparse, and with weights the MTTKRP of T′ is that of T between their roots. F never rises but for rounding; factors
    whose products vanish or overflow come back as they were. Shapes as in Objective.

    >>> from stl_algebra import strassen
    >>> objective, start = Objective(strassen().format, 1e-3), strassen().factors
    >>> objective.value(alternating_least_squares(objective, start, 5)) < objective.value(start)
    True

    Source: Carroll, Chang, 1970; Harshman, 1970; for this tensor, Brent 1970.
    """
    u, v, w = (np.ascontiguousarray(f, dtype=np.float64).copy() for f in factors)
    n, m, p = objective.format
    if objective.weights is None:
        roots = _NO_ROOTS
    else:
        roots = np.ascontiguousarray(objective.weights.root_x), np.ascontiguousarray(objective.weights.root_w)
    _sweep(u, v, w, n, m, p, roots, objective.penalty, sweeps)
    return (u, v, w) if all(np.isfinite(factor).all() for factor in (u, v, w)) else factors


@njit(cache=True, fastmath=True, error_model="numpy")
def _sweep(  # noqa: PLR0912
    u: Array, v: Array, w: Array, n: int, m: int, p: int, roots: tuple[Array, Array], penalty: float, sweeps: int
) -> None:
    root_x, root_w = roots
    weighted = root_x.size > 0
    rank = len(u)
    through_u, through_v = (u @ root_x, v @ root_w) if weighted else (u, v)
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
                        total += through_v[s, j * p + k] * w[s, i * p + k]
                    right_u[s, i * m + j] = total
        if weighted:
            right_u[:] = right_u @ root_x
        _solve(system, gram_v, gram_w, penalty, right_u)
        u[:] = right_u
        gram_u[:] = u @ u.T
        if weighted:
            through_u[:] = u @ root_x
        right_v[:] = 0.0
        for s in range(rank):
            for i in range(n):
                for j in range(m):
                    x = through_u[s, i * m + j]
                    for k in range(p):
                        right_v[s, j * p + k] += x * w[s, i * p + k]
        if weighted:
            right_v[:] = right_v @ root_w
        _solve(system, gram_u, gram_w, penalty, right_v)
        v[:] = right_v
        gram_v[:] = v @ v.T
        if weighted:
            through_v[:] = v @ root_w
        right_w[:] = 0.0
        for s in range(rank):
            for i in range(n):
                for j in range(m):
                    x = through_u[s, i * m + j]
                    for k in range(p):
                        right_w[s, i * p + k] += x * through_v[s, j * p + k]
        _solve(system, gram_u, gram_v, penalty, right_w)
        w[:] = right_w
        gram_w[:] = w @ w.T


@njit(cache=True, fastmath=True, error_model="numpy")
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
