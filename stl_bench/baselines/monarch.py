"""Monarch matrices: two block-diagonal factors with a permutation between them."""

from __future__ import annotations

from math import gcd

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput


class MonarchLinear(nn.Module):
    """y = x W + b with Wᵀ = P L Pᵀ R: x (..., K) to y (..., N), K = b·k, N = b·l, b blocks.

    A row takes s·b·(K + N) multiplications.

    Parameters
    ----------
    first : Tensor
        (b, b·s, k), R: input block β of k channels makes b·s channels, s for each output block.
    second : Tensor
        (b, l, b·s), L: output block λ makes l channels of the s that it gets from every input block.
    bias : Tensor or None
        (N,), or None.

    References
    ----------
    Dao et al., Monarch: expressive structured matrices for efficient and accurate training, 2022.

    Examples
    --------
    >>> MonarchLinear(torch.ones(2, 2, 1), torch.ones(2, 1, 2), None)(torch.tensor([1.0, 2.0])).tolist()
    [3.0, 3.0]
    """

    stands_in_for_dense = True

    def __init__(self, first: Tensor, second: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(first), nn.Parameter(second)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor
            (..., K).

        Returns
        -------
        Tensor
            (..., N).
        """
        blocks, width, k = self.first.shape
        each = width // blocks
        inputs = x.reshape(-1, blocks, k)
        middle = torch.einsum("tbi,bwi->tbw", inputs, self.first).reshape(-1, blocks, blocks, each)
        turned = middle.transpose(1, 2).reshape(-1, blocks, width)
        y = torch.einsum("tbw,blw->tbl", turned, self.second)
        y = y.reshape(*x.shape[:-1], y.shape[1] * y.shape[2])
        return y if self.bias is None else y + self.bias


@torch.no_grad()
def monarch(linear: nn.Linear, ratio: float, blocks: int | None = None) -> MonarchLinear:
    """Project the weight onto the Monarch matrices, in the Frobenius norm.

    Block (λ, β) of Wᵀ, of shape (l, k), becomes its best approximation of rank s.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].
    blocks : int or None
        The number of blocks b. None takes the largest divisor of both sides, at most √K, that leaves s ≥ 1: small s
        and many blocks set Monarch apart from low rank, which is one block.

    Returns
    -------
    MonarchLinear
        The layer of the two factors.

    Raises
    ------
    InvalidInput
        If no number of blocks is within the ratio.

    References
    ----------
    Dao et al., 2022: the projection, theorem 1.

    Fu et al., Monarch Mixer, 2023: blocks of rank s.

    Examples
    --------
    >>> monarch(nn.Linear(64, 64), 0.5).first.shape
    torch.Size([8, 16, 8])
    """
    out_features, in_features = linear.weight.shape
    common = gcd(in_features, out_features)

    def rank_of(count: int) -> int:
        return int(ratio * in_features * out_features / (count * (in_features + out_features)))

    if blocks is None:
        fitting = [b for b in range(2, int(in_features**0.5) + 1) if common % b == 0 and rank_of(b) >= 1]
        if not fitting:
            raise InvalidInput(
                f"the ratio {ratio:.3g} pays for no Monarch matrix of {in_features} × {out_features}; raise it"
            )
        blocks = max(fitting)
    k, l = in_features // blocks, out_features // blocks  # noqa: E741
    each = min(rank_of(blocks), k, l)
    tiles = linear.weight.double().reshape(blocks, l, blocks, k).transpose(1, 2)  # (λ, β, l, k)
    u, s, vh = torch.linalg.svd(tiles, full_matrices=False)
    root = s[..., :each].sqrt()
    right = root[..., :, None] * vh[..., :each, :]  # (λ, β, s, k)
    left = u[..., :each] * root[..., None, :]  # (λ, β, l, s)
    first = right.transpose(0, 1).reshape(blocks, blocks * each, k)
    second = left.permute(0, 2, 1, 3).reshape(blocks, l, blocks * each)
    dtype, bias = linear.weight.dtype, None if linear.bias is None else linear.bias.detach().clone()
    return MonarchLinear(first.to(dtype).contiguous(), second.to(dtype).contiguous(), bias)
