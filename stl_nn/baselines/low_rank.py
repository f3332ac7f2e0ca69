"""Low rank: the weight as a product of two thin matrices, by plain or activation-aware SVD."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import Moments


class LowRankLinear(nn.Module):
    """y = (x A) B + b, x (..., K) to y (..., N), by way of R channels: R·(K + N) multiplications a row.

    down (R, K) = Aᵀ, up (N, R) = Bᵀ, bias (N,) or None.

    >>> LowRankLinear(torch.ones(1, 3), torch.ones(2, 1), None)(torch.ones(3)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, down: Tensor, up: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.down, self.up = nn.Parameter(down), nn.Parameter(up)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.linear(x, self.down), self.up, self.bias)


def rank_at(in_features: int, out_features: int, ratio: float) -> int:
    """The largest R with R·(K + N) ≤ ratio·K·N multiplications a row.

    >>> rank_at(384, 384, 0.5)
    96
    """
    rank = int(ratio * in_features * out_features / (in_features + out_features))
    if rank < 1:
        raise InvalidInput(f"no rank is small enough for {ratio:.3g} of the multiplications; raise the ratio")
    return min(rank, in_features, out_features)


@torch.no_grad()
def svd(linear: nn.Linear, ratio: float) -> LowRankLinear:
    """The best approximation of the weight of its rank in the Frobenius norm, at `ratio` of the multiplications.

    >>> svd(nn.Linear(8, 8), 0.5).down.shape
    torch.Size([2, 8])

    Source: Eckart, Young, The approximation of one matrix by another of lower rank, 1936.
    """
    rank = rank_at(linear.in_features, linear.out_features, ratio)
    weight = linear.weight.double()
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    root = s[:rank].sqrt()
    return _assemble(linear, root[:, None] * vh[:rank], u[:, :rank] * root)


@torch.no_grad()
def activation_aware_svd(linear: nn.Linear, ratio: float, moments: Moments) -> LowRankLinear:
    """The best approximation of the *output* of its rank: W C^½ truncated, C the second moment of the inputs.

    E‖x(W − Ŵ)‖² = ‖(W − Ŵ)ᵀC^½‖², which truncating the SVD of C^½W minimises; C^½ is a Cholesky factor.

    Source: Yuan et al., ASVD, 2023; Wang et al., SVD-LLM, 2024 (whitening by Cholesky).
    """
    rank = rank_at(linear.in_features, linear.out_features, ratio)
    root = moments.cholesky()  # C = L Lᵀ
    u, s, vh = torch.linalg.svd(linear.weight.double() @ root, full_matrices=False)
    down = torch.linalg.solve_triangular(root, vh[:rank], upper=False, left=False)
    scale = s[:rank].sqrt()
    return _assemble(linear, scale[:, None] * down, u[:, :rank] * scale)


def _assemble(linear: nn.Linear, down: Tensor, up: Tensor) -> LowRankLinear:
    dtype = linear.weight.dtype
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return LowRankLinear(down.to(dtype), up.to(dtype), bias)
