"""The objective of a numerical search for a batch of points, in torch and float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from search.numerics.objective import Factors, Objective

#: u (B, r, n·m), v (B, r, m·p), w (B, r, n·p).
Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class BatchedObjective:
    """F of `Objective` and half its gradient, for batches of factors on one device.

    >>> one = torch.ones(3, 1, 1, dtype=torch.float64)
    >>> from stl_algebra import Format
    >>> BatchedObjective.of(Objective(Format(1, 1, 1), 0.5), "cpu").value((one, one, one)).tolist()
    [0.5, 0.5, 0.5]
    """

    target: Tensor
    penalty: float

    @classmethod
    def of(cls, objective: Objective, device: str) -> BatchedObjective:
        return cls(torch.as_tensor(objective.target, dtype=torch.float64, device=device), objective.penalty)

    def value(self, batch: Batch) -> Tensor:
        """F of each, (B,)."""
        norms = [torch.sum(f * f, dim=2) for f in batch]
        growth = torch.sum(norms[0] * norms[1] * norms[2], dim=1)
        return self.residual(batch).square().sum(dim=(1, 2, 3)) + self.penalty * growth

    def residual(self, batch: Batch) -> Tensor:
        """Σ_s u_s ⊗ v_s ⊗ w_s − T of each, (B, n·m, m·p, n·p)."""
        u, v, w = batch
        size = len(u), *self.target.shape
        return torch.bmm(_outer(u, v), w).reshape(size) - self.target

    def gradient(self, batch: Batch) -> Batch:
        """Half the gradient of each."""
        u, v, w = batch
        residual = self.residual(batch)
        count, size_a, size_b, size_c = residual.shape
        by_w = torch.bmm(residual.reshape(count, -1, size_c), w.mT).reshape(count, size_a, size_b, -1)
        norms = [torch.sum(f * f, dim=2, keepdim=True) for f in batch]
        return (
            torch.einsum("zabs,zsb->zsa", by_w, v) + self.penalty * u * norms[1] * norms[2],
            torch.einsum("zabs,zsa->zsb", by_w, u) + self.penalty * v * norms[0] * norms[2],
            torch.bmm(_outer(u, v).mT, residual.reshape(count, -1, size_c)) + self.penalty * w * norms[0] * norms[1],
        )


def to_device(factors: list[Factors], device: str) -> Batch:
    """A batch from factors of one rank."""
    u, v, w = (torch.as_tensor(np.stack([f[side] for f in factors]), device=device) for side in range(3))
    return u, v, w


def from_device(batch: Batch) -> list[Factors]:
    """The factors of each point of a batch."""
    u, v, w = (f.cpu().numpy() for f in batch)
    return list(zip(u, v, w, strict=True))


def balanced(batch: Batch) -> Batch:
    """Each product with its three rows at equal norms; F does not change."""
    norms = [torch.linalg.vector_norm(f, dim=2, keepdim=True) for f in batch]
    common = (norms[0] * norms[1] * norms[2]).pow(1 / 3)
    u, v, w = (f * torch.where(norm > 0, common / norm, 0.0) for f, norm in zip(batch, norms, strict=True))
    return u, v, w


def _outer(u: Tensor, v: Tensor) -> Tensor:
    """u_s[a] v_s[b] as (B, n·m · m·p, r)."""
    return torch.einsum("zsa,zsb->zabs", u, v).flatten(1, 2)
