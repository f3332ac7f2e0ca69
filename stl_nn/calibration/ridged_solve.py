"""Solving large normal equations with a ridge: a factor in single precision, the answer in double."""

from __future__ import annotations

import torch
from torch import Tensor

#: Conjugate gradients end when what is still wrong with the change of the prior has less than TOLERANCE² of its energy,
#: by a bound that is a wide one: the part is a thousandth of that, or less.
TOLERANCE = 1e-2
#: Steps after which the factor is taken for useless; one or two are usual.
MOST_STEPS = 30


@torch.no_grad()
def ridged_solution(normal: Tensor, right: Tensor, prior: Tensor | None, ridge: float) -> tuple[Tensor, Tensor]:
    """(x, A x) for the x of (A + Λ) x = right + Λ prior, with Λ = `ridge` times the diagonal of A. All in float64.

    A (U, U) is positive semidefinite and is overwritten; `right`, `prior` (zero where None) and x are (U, J). The
    Cholesky factor is made in single precision, at half of the time and memory, and preconditions conjugate gradients
    in double precision. Where it does not exist, or is too inaccurate for them, it is made anew in double precision.

    >>> a, b = torch.tensor([[2.0, 1.0], [1.0, 2.0]]).double(), torch.tensor([[3.0], [3.0]]).double()
    >>> ridged_solution(a, b, None, ridge=1e-9)[0].flatten().round(decimals=6).tolist()
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
            found = _refined(normal, weight, _factor(normal, dtype), right - product)
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


def _refined(matrix: Tensor, weight: Tensor, factor: Tensor | None, right: Tensor) -> tuple[Tensor, Tensor] | None:
    """(x, H x) with H x = right, by preconditioned conjugate gradients, all columns at once; None if it fails.

    H is at least Λ, so the energy ⟨e, H e⟩ of the error e is at most ⟨r, Λ⁻¹ r⟩ for the residual r = H e.
    """
    if factor is None:
        return None
    least = torch.finfo(right.dtype).tiny
    solution, image, residual = torch.zeros_like(right), torch.zeros_like(right), right.clone()
    step, wrong = torch.zeros_like(right), torch.ones_like(right[0])
    for _ in range(MOST_STEPS):
        # torch.cholesky_solve would copy the factor.
        half = torch.linalg.solve_triangular(factor, residual.to(factor.dtype), upper=False)
        preconditioned = torch.linalg.solve_triangular(factor.mT, half, upper=True).double()
        before, wrong = wrong, torch.sum(residual * preconditioned, dim=0)
        step = preconditioned + wrong / before.clamp_min(least) * step
        moved = matrix @ step
        length = wrong / torch.sum(step * moved, dim=0).clamp_min(least)
        solution += length * step
        image += length * moved
        residual -= length * moved
        error = torch.sum(residual.square() / weight[:, None], dim=0)
        if not bool(torch.isfinite(error).all()):
            return None
        if bool((error <= TOLERANCE**2 * torch.sum(solution * image, dim=0)).all()):
            return solution, image
    return None
