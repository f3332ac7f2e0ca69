"""CountSketch: input channels hashed into buckets with random signs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput


class SketchedLinear(nn.Module):
    """y = (x S)(Sᵀ W) + b with S (K, c): each row of S has one entry ±1, at a random bucket.

    A row takes c·N multiplications and K additions.

    Parameters
    ----------
    bucket : Tensor
        (K,), the bucket of each input channel.
    sign : Tensor
        (K,), the sign of each input channel.
    weight : Tensor
        (N, c), the transpose of SᵀW.
    bias : Tensor or None
        (N,), or None.

    Examples
    --------
    >>> layer = SketchedLinear(torch.tensor([0, 0]), torch.tensor([1.0, -1.0]), torch.tensor([[2.0]]), None)
    >>> layer(torch.tensor([3.0, 1.0])).tolist()
    [4.0]
    """

    bucket: Tensor
    sign: Tensor

    stands_in_for_dense = True

    def __init__(self, bucket: Tensor, sign: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("bucket", bucket)
        self.register_buffer("sign", sign)
        self.weight = nn.Parameter(weight)
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
        signed = x * self.sign
        sketch = signed.new_zeros(*x.shape[:-1], self.weight.shape[1]).index_add(-1, self.bucket, signed)
        return functional.linear(sketch, self.weight, self.bias)


@torch.no_grad()
def count_sketch(linear: nn.Linear, ratio: float, generator: torch.Generator) -> SketchedLinear:
    """Hash the input channels into c = ratio·K buckets with random signs.

    The result is unbiased, since E S Sᵀ = 1.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].
    generator : torch.Generator
        The source of randomness.

    Returns
    -------
    SketchedLinear
        The layer of the sketch.

    Raises
    ------
    InvalidInput
        If the ratio pays for no bucket.

    References
    ----------
    Clarkson, Woodruff, Low rank approximation and regression in input sparsity time, 2013.

    Pagh, Compressed matrix multiplication, 2013.

    Examples
    --------
    >>> count_sketch(nn.Linear(8, 3), 0.5, torch.Generator()).weight.shape
    torch.Size([3, 4])
    """
    features = linear.in_features
    count = int(ratio * features)
    if count < 1:
        raise InvalidInput(f"the ratio {ratio:.3g} makes no bucket of {features} input channels; raise it")
    bucket = torch.randint(count, (features,), generator=generator)
    sign = torch.randint(2, (features,), generator=generator).to(linear.weight.dtype) * 2 - 1
    weight = linear.weight.new_zeros(linear.out_features, count).index_add(1, bucket, linear.weight * sign)
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return SketchedLinear(bucket, sign, weight, bias)
