"""Solving large normal equations with a ridge: a factor in single precision, the answer in double."""

from __future__ import annotations

from typing import Protocol

import torch
from scipy.linalg import get_lapack_funcs
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.calibration.ridge import ridge_of, rising

#: Conjugate gradients end when what is still wrong with the change of the prior has less than TOLERANCE² of its energy,
#: by a bound that is a wide one: the part is a thousandth of that, or less.
TOLERANCE = 1e-2
#: Steps after which the factor is taken for useless; one or two are usual.
MOST_STEPS = 30


class Semidefinite(Protocol):
    """A symmetric positive semidefinite matrix A (U, U) that need not be held, such as a `NormalMatrix`."""

    def diagonal(self) -> Tensor:
        """The diagonal, (U,), float64."""

    def times(self, x: Tensor, /) -> Tensor:
        """A x for x (U, J), float64.

        Parameters
        ----------
        x : Tensor
            (U, J).
        """

    def upper(self, dtype: torch.dtype, /) -> Tensor:
        """Memory of its own, (U, U), whose upper triangle is that of A.

        Parameters
        ----------
        dtype : dtype
            Of the memory.
        """


@torch.no_grad()
def ridged_solution(normal: Semidefinite, right: Tensor, prior: Tensor | None, ridge: float) -> tuple[Tensor, Tensor]:
    """Solve (A + Λ) x = right + Λ prior, with Λ a share of the diagonal of A.

    The one matrix held is the Cholesky factor, made in place in single precision, at half of the time and memory. It
    preconditions conjugate gradients in double precision. If it does not exist, or is too inaccurate for them, it is
    made anew in double precision; if that does not help, with a larger ridge.

    Parameters
    ----------
    normal : Semidefinite
        A, (U, U).
    right : Tensor
        (U, J), float64.
    prior : Tensor or None
        (U, J), float64; None for zero.
    ridge : float
        The share of the diagonal.

    Returns
    -------
    x, product
        x and A x, (U, J) each, float64.

    Raises
    ------
    InvalidInput
        If A is not finite, or far from semidefinite.

    References
    ----------
    Higham, Mary, Mixed precision algorithms in numerical linear algebra, 2022, §5.

    Examples
    --------
    >>> from stl_nn.calibration.normal_matrix import NormalMatrix
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> two = NormalMatrix(2 * one[None, None], one, one)
    >>> ridged_solution(two, 3 * one, None, ridge=1e-9)[0].flatten().round(decimals=6).tolist()
    [1.5]
    """
    diagonal = normal.diagonal()
    start = torch.zeros_like(right) if prior is None else prior
    product = torch.zeros_like(right) if prior is None else normal.times(prior)
    # Rounding can leave A from few rows slightly indefinite.
    for weight in rising(ridge_of(diagonal, ridge)):
        for dtype in (torch.float32, torch.float64):
            found = _refined(normal, weight, _factor(normal, diagonal + weight, dtype), right - product)
            if found is not None:
                change, image = found
                return start + change, product + image
    raise InvalidInput(
        f"normal equations of {len(diagonal)} unknowns have no solution, however large the ridge: the moments of the "
        "layer's inputs are not finite or not those of any inputs; gather them anew"
    )


def _factor(normal: Semidefinite, diagonal: Tensor, dtype: torch.dtype) -> Tensor | None:
    """The Cholesky factor, at a precision, of A with another diagonal; None if there is none."""
    # Column by column, as LAPACK wants it: what was the upper triangle is the lower one then.
    factor = normal.upper(dtype).mT
    factor.diagonal().copy_(diagonal)
    # By scipy's BLAS, not by torch's: a third faster on AMD.
    memory = factor.numpy()
    (factorise,) = get_lapack_funcs(("potrf",), (memory,))
    _, info = factorise(memory, lower=True, overwrite_a=True, clean=False)
    return None if info else factor


def _refined(
    normal: Semidefinite, weight: Tensor, factor: Tensor | None, right: Tensor
) -> tuple[Tensor, Tensor] | None:
    """(x, A x) with H x = right for H = A + Λ, by preconditioned conjugate gradients, all columns at once.

    None if it fails. H is at least Λ, so the energy ⟨e, H e⟩ of the error e is at most ⟨r, Λ⁻¹ r⟩ for the residual
    r = H e.
    """
    if factor is None:
        return None
    least, ridge = torch.finfo(right.dtype).tiny, weight[:, None]
    solution, image, residual = torch.zeros_like(right), torch.zeros_like(right), right.clone()
    step, wrong = torch.zeros_like(right), torch.ones_like(right[0])
    for _ in range(MOST_STEPS):
        # torch.cholesky_solve would copy the factor.
        half = torch.linalg.solve_triangular(factor, residual.to(factor.dtype), upper=False)
        preconditioned = torch.linalg.solve_triangular(factor.mT, half, upper=True).double()
        before, wrong = wrong, torch.sum(residual * preconditioned, dim=0)
        step = preconditioned + wrong / before.clamp_min(least) * step
        moved = normal.times(step)
        length = wrong / torch.sum(step * (moved + ridge * step), dim=0).clamp_min(least)
        solution += length * step
        image += length * moved
        residual -= length * (moved + ridge * step)
        error = torch.sum(residual.square() / ridge, dim=0)
        if not bool(torch.isfinite(error).all()):
            return None
        if bool((error <= TOLERANCE**2 * torch.sum(solution * (image + ridge * solution), dim=0)).all()):
            return solution, image
    return None
