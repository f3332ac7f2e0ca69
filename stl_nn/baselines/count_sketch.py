"""CountSketch: input channels hashed into buckets with random signs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput


class SketchedLinear(nn.Module):
    """y = (x S)(Sᵀ W) + b with S (K, c): row j of S has one entry ±1, at a random bucket.

    bucket (K,), sign (K,), weight (N, c) = (SᵀW)ᵀ;  c·N multiplications and K additions a row

    >>> layer = SketchedLinear(torch.tensor([0, 0]), torch.tensor([1.0, -1.0]), torch.tensor([[2.0]]), None)
    >>> layer(torch.tensor([3.0, 1.0])).tolist()
    [4.0]
    """

    bucket: Tensor
    sign: Tensor

    def __init__(self, bucket: Tensor, sign: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("bucket", bucket)
        self.register_buffer("sign", sign)
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        signed = x * self.sign
        sketch = signed.new_zeros(*x.shape[:-1], self.weight.shape[1]).index_add(-1, self.bucket, signed)
        return functional.linear(sketch, self.weight, self.bias)


@torch.no_grad()
def count_sketch(linear: nn.Linear, ratio: float, generator: torch.Generator) -> SketchedLinear:
    """The layer through c = ratio·K random buckets: unbiased, since E S Sᵀ = 1.

    >>> count_sketch(nn.Linear(8, 3), 0.5, torch.Generator()).weight.shape
    torch.Size([3, 4])

    Source: Clarkson, Woodruff, Low rank approximation and regression in input sparsity time, 2013; Pagh,
    Compressed matrix multiplication, 2013.
    """
    features = linear.in_features
    count = int(ratio * features)
    if count < 1:
        raise InvalidInput(f"{ratio:.3g} of {features} input channels is no bucket; raise the ratio")
    bucket = torch.randint(count, (features,), generator=generator)
    sign = torch.randint(2, (features,), generator=generator).to(linear.weight.dtype) * 2 - 1
    weight = linear.weight.new_zeros(linear.out_features, count).index_add(1, bucket, linear.weight * sign)
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return SketchedLinear(bucket, sign, weight, bias)
