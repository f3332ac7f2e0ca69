"""Column-row sampling: some of the outer products whose sum is the matrix product."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import InputMoments


class SampledLinear(nn.Module):
    """y = x[S] W' + b, for a sample S of the input channels: x (..., K) to y (..., N).

    A row takes c·N multiplications.

    Parameters
    ----------
    sample : Tensor
        (c,), input channels, with repetition.
    weight : Tensor
        (N, c), scaled so that the product is right on average.
    bias : Tensor or None
        (N,), or None.

    Examples
    --------
    >>> SampledLinear(torch.tensor([2]), torch.tensor([[3.0]]), None)(torch.arange(3.0)).tolist()
    [6.0]
    """

    sample: Tensor

    stands_in_for_dense = True

    def __init__(self, sample: Tensor, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("sample", sample)
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
        return functional.linear(x.index_select(-1, self.sample), self.weight, self.bias)


@torch.no_grad()
def column_row_sampling(
    linear: nn.Linear, ratio: float, moments: InputMoments, generator: torch.Generator
) -> SampledLinear:
    """Draw c = ratio·K input channels with probabilities p_j ∝ ‖x_j‖‖w_j‖, and scale channel j by 1/(c·p_j).

    The result is unbiased. No other independent draws with replacement have less variance.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].
    moments : InputMoments
        The moments of the layer's inputs, from `gather_moments`.
    generator : torch.Generator
        The source of randomness.

    Returns
    -------
    SampledLinear
        The layer of the sample.

    Raises
    ------
    InvalidInput
        If the ratio pays for no channel, or all products of the layer are zero.

    References
    ----------
    Drineas, Kannan, Mahoney, Fast Monte Carlo algorithms for matrices I, 2006, lemma 4.
    """
    count = int(ratio * linear.in_features)
    if count < 1:
        raise InvalidInput(f"the ratio {ratio:.3g} leaves none of {linear.in_features} input channels; raise it")
    weights = linear.weight.double()
    importance = moments.second.diagonal().sqrt() * weights.norm(dim=0)
    if not importance.sum() > 0:
        raise InvalidInput("all products of this layer are zero, so that none can be sampled; filter it out")
    probability = importance / importance.sum()
    sample = torch.multinomial(probability, count, replacement=True, generator=generator)
    scaled = weights[:, sample] / (count * probability[sample])
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return SampledLinear(sample, scaled.to(linear.weight.dtype), bias)
