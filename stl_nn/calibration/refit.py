"""Closed-form refit of the encoded weights."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_nn.calibration.tile_system import TileSystem

#: Ridge, as a share of the diagonal. Held-out error is flat from 1e-6 to 1e-4 and rises above; on little text it
#: falls up to 1e-4.
RIDGE = 1e-4
#: Part of the equations that must be left over once there is one for each unknown.
LEAST_FREE = 0.1
#: Unknowns, K·r/m, that are solved for at once: two matrices of 2 GB. More are taken in blocks.
MOST_UNKNOWNS = 16384
#: Sweeps over the blocks end after so many, or when one changes the weights by less than a part of TOLERANCE.
MOST_SWEEPS = 30
TOLERANCE = 1e-4


@torch.no_grad()
def refit(
    system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor | None = None, ridge: float = RIDGE
) -> Tensor:
    """The encoded weights (r, K/m, N/p) of least squared output error for these encoders, float64.

    The ridge, a share of each diagonal entry of the normal matrix, pulls towards `prior` (r, K/m, N/p): the data-free
    encoded weights, or zero. Directions that the inputs never take keep what the prior says. One Cholesky
    factorisation serves all tile columns. Above MOST_UNKNOWNS of K·r/m it is a block Gauss–Seidel iteration, a block
    being as many tiles of the inner dimension as can be factored at once, and A is never held as a whole.

    >>> from stl_algebra import Format
    >>> from stl_nn.calibration.moments import Moments
    >>> system = TileSystem.of(Format(1, 1, 1), Moments(1, torch.zeros(1), torch.ones(1, 1, 1)), torch.ones(1, 1))
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> round(float(refit(system, one, 2 * one)), 3)
    0.5
    """
    rank = len(encode_x)
    if system.tiles * rank > MOST_UNKNOWNS:
        return _refit_in_blocks(system, encode_x, decode, prior, ridge)
    right = system.right_side(encode_x, decode)
    normal = system.normal(encode_x, decode)
    factor, weight = ridged_factor(normal, ridge)
    if prior is not None:
        right += weight[:, None] * prior.double().transpose(0, 1).flatten(0, 1)
    solution = torch.cholesky_solve(right, factor)
    return solution.reshape(system.tiles, rank, -1).transpose(0, 1).contiguous()


@torch.no_grad()
def refit_as_far_as_told(system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor, before: float) -> Tensor:
    """The refitted weights drawn back towards the prior (r, K/m, N/p) as far as too few rows of calibration call for.

    Each tile column has U = K·r/m unknowns and p equations for each of M rows. A fit that leaves the error e₁ there
    can be expected to have left σ² = e₁/(1 − U/pM) with rows without number, and to leave σ² + v on others, with
    v = σ²·U/(pM − U). What lies between it and the prior, which leaves e₀ = `before`, then leaves
    σ² + (1−a)²(e₀ − σ²) + a²v at a share a of the way, least at a = (e₀ − σ²) / (e₀ − σ² + v). Where that cannot be
    much, with hardly more equations than unknowns, nothing is fitted.

    >>> from stl_algebra import Format
    >>> from stl_nn.calibration.moments import Moments
    >>> seen = Moments(1000, torch.zeros(1), torch.ones(1, 1, 1))
    >>> system = TileSystem.of(Format(1, 1, 1), seen, torch.ones(1, 1))
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> round(float(refit_as_far_as_told(system, one, 2 * one, torch.ones(1, 1, 1), before=1.0)), 2)
    0.5

    Source: for the expectations, Craven, Wahba, Smoothing noisy data with spline functions, 1978.
    """
    equations, unknowns = system.rows * system.format.p, system.tiles * len(encode_x)
    free = 1 - unknowns / max(equations, 1)
    if free < LEAST_FREE:
        return prior.double()
    fitted = refit(system, encode_x, decode, prior)
    limit = system.error(encode_x, decode, fitted) / free
    gain, variance = max(before - limit, 0.0), limit * (1 - free) / free
    share = gain / (gain + variance) if gain else 0.0
    return torch.lerp(prior.double(), fitted, share)


def _refit_in_blocks(
    system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor | None, ridge: float
) -> Tensor:
    rank, step = len(encode_x), max(1, MOST_UNKNOWNS // (2 * len(encode_x)))
    right = system.right_side(encode_x, decode).reshape(system.tiles, rank, -1)
    found = torch.zeros_like(right)
    given = None if prior is None else prior.double().transpose(0, 1)
    if given is not None:
        found.copy_(given)
    for _ in range(MOST_SWEEPS):
        moved = torch.zeros((), dtype=found.dtype)
        for start in range(0, system.tiles, step):
            some = range(start, min(start + step, system.tiles))
            block = slice(some.start, some.stop)
            rows = system.normal_rows(some, encode_x, decode)
            own = rows[:, some.start * rank : some.stop * rank].clone()
            before = found[block].flatten(0, 1)
            residual = right[block].flatten(0, 1) - rows @ found.flatten(0, 1) + own @ before
            factor, weight = ridged_factor(own, ridge)
            if given is not None:
                residual += weight[:, None] * given[block].flatten(0, 1)
            after = torch.cholesky_solve(residual, factor)
            moved += (after - before).square().sum()
            found[block] = after.reshape(len(some), rank, -1)
        if moved <= TOLERANCE**2 * found.square().sum():
            break
    return found.transpose(0, 1).contiguous()


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
