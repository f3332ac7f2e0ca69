"""Column-row sampling: some of the outer products whose sum is the matrix product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import Moments


class SampledLinear(nn.Module):
    """y = x[S] W' + b: the input channels of a sample S, weights scaled to be right on average.

    sample (c,) input channels, with repetition;  weight (N, c);  c·N multiplications a row

    >>> SampledLinear(torch.tensor([2]), torch.tensor([[3.0]]), None)(torch.arange(3.0)).tolist()
    [6.0]
    """

    sample: Tensor

    def __init__(self, sample: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("sample", sample)
        self.weight = nn.Parameter(weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.index_select(-1, self.sample), self.weight, self.bias)


@torch.no_grad()
def column_row_sampling(linear: nn.Linear, ratio: float, moments: Moments, generator: torch.Generator) -> SampledLinear:
    """c = ratio·K input channels drawn with probabilities p_j ∝ ‖x_j‖‖w_j‖, the draw of j scaled by 1/(c·p_j).

    Unbiased, and of the least variance among all independent draws with replacement.

    Source: Drineas, Kannan, Mahoney, Fast Monte Carlo algorithms for matrices I, 2006, lemma 4.
    """
    count = int(ratio * linear.in_features)
    if count < 1:
        raise InvalidInput(f"{ratio:.3g} of {linear.in_features} input channels is none; raise the ratio")
    weights = linear.weight.double()
    importance = moments.second.diagonal().sqrt() * weights.norm(dim=0)
    if not importance.sum() > 0:
        raise InvalidInput("all products of this layer are zero: there is nothing to sample")
    probability = importance / importance.sum()
    sample = torch.multinomial(probability, count, replacement=True, generator=generator)
    scaled = weights[:, sample] / (count * probability[sample])
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return SampledLinear(sample, scaled.to(linear.weight.dtype), bias)
