"""Block sparsity: whole square blocks of the weight stay or go."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput

#: Side of a block: what block-sparse GPU kernels are efficient at.
BLOCK = 16


class BlockSparseLinear(nn.Module):
    """y = x W + b with a weight that keeps some of its blocks: x (..., K) to y (..., N).

    Parameters
    ----------
    blocks : Tensor
        (kept, s, s), the blocks of Wᵀ that stay, sorted by output block.
    rows : Tensor
        (kept,), their places among the outputs, counted in blocks.
    columns : Tensor
        (kept,), their places among the inputs, counted in blocks.
    shape : tuple[int, int]
        (K, N), the sides of the weight.
    bias : Tensor or None
        (N,), or None.

    Examples
    --------
    >>> place = torch.tensor([0])
    >>> BlockSparseLinear(torch.ones(1, 2, 2), place, place + 1, (4, 2), None)(torch.arange(4.0)).tolist()
    [5.0, 5.0]
    """

    rows: Tensor
    columns: Tensor

    stands_in_for_dense = True

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
        side = self.blocks.shape[-1]
        tiles = x.reshape(-1, self.in_features // side, side)
        products = torch.einsum("tbi,boi->tbo", tiles[:, self.columns], self.blocks)
        y = products.new_zeros(tiles.shape[0], self.out_features // side, side).index_add(1, self.rows, products)
        y = y.reshape(*x.shape[:-1], self.out_features)
        return y if self.bias is None else y + self.bias


@torch.no_grad()
def block_sparse(linear: nn.Linear, ratio: float, block: int = BLOCK) -> BlockSparseLinear:
    """Keep the blocks of largest Frobenius norm, as many as the ratio pays for.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].
    block : int
        The side of a block.

    Returns
    -------
    BlockSparseLinear
        The layer of these blocks.

    Raises
    ------
    InvalidInput
        If the sides of the weight are no multiples of the block, or the ratio pays for no block.

    References
    ----------
    Gray, Radford, Kingma, GPU kernels for block-sparse weights, 2017.

    Examples
    --------
    >>> block_sparse(nn.Linear(32, 64), 0.5).blocks.shape
    torch.Size([4, 16, 16])
    """
    out_features, in_features = linear.weight.shape
    if out_features % block or in_features % block:
        raise InvalidInput(
            f"a {in_features} × {out_features} layer does not divide into blocks of {block} × {block}; filter it out"
        )
    down, across = out_features // block, in_features // block
    kept = int(ratio * down * across)
    if kept < 1:
        raise InvalidInput(f"the ratio {ratio:.3g} pays for no block of {block} × {block}; raise it")
    blocks = linear.weight.reshape(down, block, across, block).permute(0, 2, 1, 3).reshape(-1, block, block)
    largest = blocks.square().sum(dim=(1, 2)).topk(kept).indices.sort().values
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return BlockSparseLinear(
        blocks[largest].clone(), largest // across, largest % across, (in_features, out_features), bias
    )
