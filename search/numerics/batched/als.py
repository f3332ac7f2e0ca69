"""Alternating least squares for a batch of starts."""

from __future__ import annotations

import torch
from torch import Tensor

from search.numerics.batched.objective import Batch, BatchedObjective

#: Relative to the mean of the diagonal, as in `search.numerics.als`.
RIDGE = 1e-12


def batched_als(objective: BatchedObjective, batch: Batch, sweeps: int) -> Batch:
    """The factors after so many sweeps of `search.numerics.als`, each of the batch by itself.

    >>> from search.numerics.objective import Objective
    >>> from stl_algebra import Format
    >>> one = torch.ones(2, 1, 1, dtype=torch.float64)
    >>> objective = BatchedObjective.of(Objective(Format(1, 1, 1), 0.0), "cpu")
    >>> batched_als(objective, (2 * one, one, one), 1)[0].flatten().round(decimals=9).tolist()
    [1.0, 1.0]
    """
    u, v, w = batch
    rank = u.shape[1]
    kernel = 1 + objective.penalty * torch.eye(rank, dtype=u.dtype, device=u.device)
    target = objective.target
    for _ in range(sweeps):
        u = _solved(kernel, v, w, torch.einsum("abc,zsb,zsc->zsa", target, v, w))
        v = _solved(kernel, u, w, torch.einsum("abc,zsa,zsc->zsb", target, u, w))
        w = _solved(kernel, u, v, torch.einsum("abc,zsa,zsb->zsc", target, u, v))
    return u, v, w


def _solved(kernel: Tensor, first: Tensor, second: Tensor, right: Tensor) -> Tensor:
    """(G₁∘G₂∘(1 + ρ²I) + ε) x = right, for the Gram matrices of two factors."""
    gram = torch.bmm(first, first.mT) * torch.bmm(second, second.mT)
    diagonal = gram.diagonal(dim1=1, dim2=2)
    ridge = RIDGE * diagonal.mean(dim=1, keepdim=True)
    system = gram * kernel
    system.diagonal(dim1=1, dim2=2).add_(ridge)
    # One failed factorisation must not end the others: its points come out not finite and lose.
    factor, _ = torch.linalg.cholesky_ex(system)
    return torch.cholesky_solve(right, factor)
