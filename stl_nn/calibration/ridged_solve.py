"""Solving large normal equations with a ridge: a factor in single precision, the answer in double."""

from __future__ import annotations

import torch
from torch import Tensor

#: Conjugate gradients end when what is still wrong with the change of the prior has less than TOLERANCE² of its energy.
TOLERANCE = 1e-3
#: Steps after which the factor is taken for useless; two to six are usual.
MOST_STEPS = 30


@torch.no_grad()
def ridged_solution(normal: Tensor, right: Tensor, prior: Tensor | None, ridge: float) -> tuple[Tensor, Tensor]:
    """(x, A x) for the x of (A + Λ) x = right + Λ prior, with Λ = `ridge` times the diagonal of A. All in float64.

    A (U, U) is positive semidefinite and is overwritten; `right`, `prior` (zero where None) and x are (U, J). The
    Cholesky factor is made in single precision, at half of the time and memory, and preconditions conjugate gradients
    in double precision. Where it does not exist, or is too inaccurate for them, it is made anew in double precision.

    >>> a, b = torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double(), torch.tensor([[3.0], [3.0]]).double()
    >>> ridged_solution(a, b, None, ridge=0.0)[0].flatten().round(decimals=6).tolist()
    [1.0, 1.0]

    Source: Higham, Mary, Mixed precision algorithms in numerical linear algebra, 2022, §5.
    """
    weight = ridge_of(normal, ridge)
    diagonal = normal.diagonal().clone()
    start = torch.zeros_like(right) if prior is None else prior
    product = normal @ start
    while True:
        normal.diagonal().copy_(diagonal + weight)
        for dtype in (torch.float32, torch.float64):
            found = _refined(normal, _factor(normal, dtype), right - product)
            if found is not None:
                change, image = found
                return start + change, product + image - weight[:, None] * change
        weight = 10 * weight  # rounding can leave A from few rows slightly indefinite


def ridge_of(normal: Tensor, ridge: float) -> Tensor:
    """The diagonal (U,) of Λ. Padding leaves zeros on the diagonal of A, which must not stay."""
    diagonal = normal.diagonal()
    return ridge * (diagonal + 1e-3 * diagonal.mean().clamp_min(torch.finfo(normal.dtype).tiny))


def _factor(normal: Tensor, dtype: torch.dtype) -> Tensor | None:
    """The Cholesky factor at a precision, made in place of one copy; None where there is none."""
    # Column by column, as LAPACK wants it: of a symmetric matrix the same.
    factor = normal.to(dtype, copy=True).mT
    info = torch.empty((), dtype=torch.int32)
    torch.linalg.cholesky_ex(factor, out=(factor, info))
    return None if info else factor


def _refined(matrix: Tensor, factor: Tensor | None, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """(x, H x) with H x = right, by preconditioned conjugate gradients, all columns at once; None if it fails."""
    if factor is None:
        return None

    def preconditioned(residual: Tensor) -> Tensor:
        return torch.cholesky_solve(residual.to(factor.dtype), factor).double()

    solution, image, residual = torch.zeros_like(right), torch.zeros_like(right), right.clone()
    step = preconditioned(residual)
    wrong = torch.sum(residual * step, dim=0)
    enough = TOLERANCE**2 * wrong
    for _ in range(MOST_STEPS):
        moved = matrix @ step
        length = wrong / torch.sum(step * moved, dim=0).clamp_min(torch.finfo(right.dtype).tiny)
        solution += length * step
        image += length * moved
        residual -= length * moved
        after = preconditioned(residual)
        before, wrong = wrong, torch.sum(residual * after, dim=0)
        if not bool(torch.isfinite(wrong).all()):
            return None
        if bool((wrong <= enough).all()):
            return solution, image
        step = after + (wrong / before.clamp_min(torch.finfo(right.dtype).tiny)) * step
    return None
