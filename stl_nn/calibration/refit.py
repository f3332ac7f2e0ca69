"""Closed-form refit of the encoded weights."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_nn.calibration.tile_system import TileSystem

#: Ridge, as a share of the diagonal. Held-out error is flat from 1e-6 to 1e-4 and rises above.
RIDGE = 1e-5


@torch.no_grad()
def refit(
    system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor | None = None, ridge: float = RIDGE
) -> Tensor:
    """The encoded weights (r, K/m, N/p) of least squared output error for these encoders, float64.

    The ridge, a share of each diagonal entry of the normal matrix, pulls towards `prior` (r, K/m, N/p): the data-free
    encoded weights, or zero. Directions that the inputs never take keep what the prior says. One Cholesky
    factorisation serves all tile columns.

    >>> from stl_algebra import Format
    >>> from stl_nn.calibration.moments import Moments
    >>> system = TileSystem.of(Format(1, 1, 1), Moments(1, torch.zeros(1), torch.ones(1, 1, 1)), torch.ones(1, 1))
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> round(float(refit(system, one, 2 * one)), 4)
    0.5
    """
    rank = len(encode_x)
    right = system.right_side(encode_x, decode)
    normal = system.normal(encode_x, decode)
    factor, weight = ridged_factor(normal, ridge)
    if prior is not None:
        right += weight[:, None] * prior.double().transpose(0, 1).flatten(0, 1)
    solution = torch.cholesky_solve(right, factor)
    return solution.reshape(system.tiles, rank, -1).transpose(0, 1).contiguous()


def ridged_factor(normal: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """The Cholesky factor of A + diag(weight), and weight: `ridge` times each diagonal entry of A.

    The ridge grows tenfold until the factor exists. Lagged moments are averaged over unequal numbers of pairs, so A
    from few rows can be slightly indefinite, and padding leaves zeros on its diagonal, which must not stay.
    Differentiable in A; where no gradient is asked for, A is overwritten, so that only two such matrices are held.
    """
    diagonal = normal.diagonal().clone()
    weight = ridge * (diagonal + 1e-3 * diagonal.mean().clamp_min(torch.finfo(normal.dtype).tiny))
    while True:
        damped = normal.clone() if normal.requires_grad else normal
        damped.diagonal().copy_(diagonal + weight)
        factor, failed = torch.linalg.cholesky_ex(damped)
        if not failed:
            return factor, weight
        weight = 10 * weight
