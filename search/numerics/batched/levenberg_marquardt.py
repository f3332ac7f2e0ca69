"""Levenberg–Marquardt for a batch of starts, each with its own damping."""

from __future__ import annotations

import torch
from torch import Tensor

from search.numerics.batched.objective import Batch, BatchedObjective, balanced


def batched_levenberg_marquardt(
    objective: BatchedObjective, batch: Batch, iterations: int, *, damping: float = 1.0
) -> tuple[Batch, Tensor]:
    """The points after so many linear solves, and F of each, (B,); F never rises.

    The steps are those of `search.numerics.normal_equations`, the damping is Nielsen's as in
    `search.numerics.levenberg_marquardt`.
    Memory is about five matrices of order r(n·m + m·p) a point.
    """
    batch = balanced(batch)
    value = objective.value(batch)
    lam = torch.full_like(value, damping)
    worse = torch.full_like(value, 2.0)
    for _ in range(iterations):
        gradient = objective.gradient(batch)
        delta = damped_step(objective, batch, gradient, lam)
        candidate: Batch = (batch[0] + delta[0], batch[1] + delta[1], batch[2] + delta[2])
        reached = objective.value(candidate)
        predicted = sum(
            torch.sum(d * (lam[:, None, None] * d - g), dim=(1, 2)) for d, g in zip(delta, gradient, strict=True)
        )
        assert isinstance(predicted, Tensor)
        accepted = (reached < value) & (predicted > 0)  # False where anything is NaN
        gain = (value - reached) / predicted
        factor = torch.where(accepted, torch.clamp(1 - (2 * gain - 1) ** 3, min=1 / 3), worse)
        lam = torch.clamp(lam * factor, 1e-14, 1e12)
        worse = torch.where(accepted, torch.full_like(worse, 2.0), torch.clamp(2 * worse, max=1e6))
        better = balanced(candidate)
        chosen = accepted[:, None, None]
        batch = (
            torch.where(chosen, better[0], batch[0]),
            torch.where(chosen, better[1], batch[1]),
            torch.where(chosen, better[2], batch[2]),
        )
        value = torch.where(accepted, reached, value)
    return batch, value


def damped_step(objective: BatchedObjective, batch: Batch, gradient: Batch, damping: Tensor) -> Batch:
    """δ with (JᵀJ + λI) δ = −g of each, for dampings (B,); not finite where a system is not definite.

    w is eliminated as in `NormalEquations`: its block is (K∘A∘B + λ) ⊗ I.
    """
    u, v, w = batch
    g_u, g_v, g_w = gradient
    count, rank, size_u = u.shape
    lam = damping[:, None, None]
    eye = torch.eye(rank, dtype=u.dtype, device=u.device)
    kernel = 1 + objective.penalty * eye
    gram_u, gram_v, gram_w = (torch.bmm(f, f.mT) for f in batch)
    by_u, by_v, by_w = kernel * gram_u, kernel * gram_v, kernel * gram_w
    lower, _ = torch.linalg.cholesky_ex(by_u * gram_v + lam * eye)
    coupling = torch.cat(
        [(by_v[:, :, None, :] * u.mT[:, None]).flatten(1, 2), (by_u[:, :, None, :] * v.mT[:, None]).flatten(1, 2)], 1
    )
    half = torch.linalg.solve_triangular(lower, coupling.mT, upper=False)
    product = torch.arange(rank, device=u.device)
    rows = torch.cat([product.repeat_interleave(size_u), product.repeat_interleave(v.shape[2])])
    system = torch.bmm(half.mT, half).mul_(gram_w[:, rows][:, :, rows]).neg_()
    order_u = rank * size_u
    _add_block_diagonal(system[:, :order_u, :order_u], by_v * gram_w + lam * eye, size_u)
    _add_block_diagonal(system[:, order_u:, order_u:], by_u * gram_w + lam * eye, v.shape[2])
    across = torch.einsum("zst,zta,zsb->zsatb", by_w, u, v).reshape(count, order_u, -1)
    system[:, :order_u, order_u:] += across
    system[:, order_u:, :order_u] += across.mT
    factor, _ = torch.linalg.cholesky_ex(system)
    along = torch.bmm(w, torch.cholesky_solve(g_w, lower).mT)
    right = torch.cat(
        [(torch.bmm(by_v * along, u) - g_u).flatten(1), (torch.bmm(by_u * along, v) - g_v).flatten(1)], dim=1
    )
    solution = torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
    delta_u, delta_v = solution[:, :order_u].reshape_as(u), solution[:, order_u:].reshape_as(v)
    into_w = torch.bmm(by_v * torch.bmm(u, delta_u.mT) + by_u * torch.bmm(v, delta_v.mT), w)
    return delta_u, delta_v, -torch.cholesky_solve(g_w + into_w, lower)


def _add_block_diagonal(block: Tensor, values: Tensor, size: int) -> None:
    """Add values ⊗ I of that size to a block, in place."""
    count, rank, _ = values.shape
    view = block.unflatten(2, (rank, size)).unflatten(1, (rank, size))
    view.diagonal(dim1=2, dim2=4).add_(values.reshape(count, rank, rank, 1))
