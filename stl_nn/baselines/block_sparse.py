"""Block sparsity: whole square blocks of the weight stay or go."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput

#: Side of a block: what block-sparse GPU kernels are efficient at.
BLOCK = 16


class BlockSparseLinear(nn.Module):
    """y = x W + b where W keeps some of its blocks: x (..., K) to y (..., N).

    blocks   (kept, s, s)  the blocks of Wᵀ that stay, sorted by output block
    rows, columns  (kept,) their places, in blocks: outputs and inputs

    >>> place = torch.tensor([0])
    >>> BlockSparseLinear(torch.ones(1, 2, 2), place, place + 1, (4, 2), None)(torch.arange(4.0)).tolist()
    [5.0, 5.0]
    """

    rows: Tensor
    columns: Tensor

    def __init__(
        self, blocks: Tensor, rows: Tensor, columns: Tensor, shape: tuple[int, int], bias: Tensor | None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = shape
        self.blocks = nn.Parameter(blocks)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        side = self.blocks.shape[-1]
        tiles = x.reshape(-1, self.in_features // side, side)
        products = torch.einsum("tbi,boi->tbo", tiles[:, self.columns], self.blocks)
        y = products.new_zeros(tiles.shape[0], self.out_features // side, side).index_add(1, self.rows, products)
        y = y.reshape(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


@torch.no_grad()
def block_sparse(linear: nn.Linear, ratio: float, block: int = BLOCK) -> BlockSparseLinear:
    """The blocks of largest Frobenius norm, as many as `ratio` of the multiplications pay for.

    Raises InvalidInput where the sides of the weight are no multiples of the block, or the ratio pays for none.

    >>> block_sparse(nn.Linear(32, 64), 0.5).blocks.shape
    torch.Size([4, 16, 16])

    Source: Gray, Radford, Kingma, GPU kernels for block-sparse weights, 2017.
    """
    out_features, in_features = linear.weight.shape
    if out_features % block or in_features % block:
        raise InvalidInput(f"a {in_features} × {out_features} layer does not divide into {block} × {block} blocks")
    down, across = out_features // block, in_features // block
    kept = int(ratio * down * across)
    if kept < 1:
        raise InvalidInput(f"{ratio:.3g} of the multiplications pay for no block of {block}; raise the ratio")
    blocks = linear.weight.reshape(down, block, across, block).permute(0, 2, 1, 3).reshape(-1, block, block)
    largest = blocks.square().sum(dim=(1, 2)).topk(kept).indices.sort().values
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return BlockSparseLinear(
        blocks[largest].clone(), largest // across, largest % across, (in_features, out_features), bias
    )
