"""2:4 sparsity: of four consecutive input weights the two most important stay; by magnitude or by Wanda's score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import Moments


def mask24(score: Tensor) -> Tensor:
    """Which entries of a score (N, K) are the two largest of their four consecutive columns, as booleans.

    Of equal scores the first ones stay. Raises InvalidInput where K is no multiple of 4.

    >>> mask24(torch.tensor([[3.0, 1.0, 2.0, 0.0]])).tolist()
    [[True, False, True, False]]

    Source: Mishra et al., Accelerating sparse deep neural networks, 2021.
    """
    rows, columns = score.shape
    if columns % 4:
        raise InvalidInput(f"2:4 sparsity needs input features in fours, and {columns} are not; filter this layer out")
    fours = score.reshape(rows, columns // 4, 4)
    order = torch.argsort(fours, dim=-1, descending=True, stable=True)
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(-1, order[..., :2], True)
    return mask.reshape(rows, columns)


@torch.no_grad()
def magnitude24(linear: nn.Linear) -> nn.Linear:
    """The layer with the two smallest of every four weights set to zero.

    >>> int((magnitude24(nn.Linear(8, 3)).weight == 0).sum())
    12
    """
    return masked(linear, linear.weight * mask24(linear.weight.abs()))


@torch.no_grad()
def wanda24(linear: nn.Linear, moments: Moments) -> nn.Linear:
    """As `magnitude24`, weights ranked by |w_ij|·‖x_j‖.

    Source: Sun et al., A simple and effective pruning approach for large language models, 2023.
    """
    norms = moments.second.diagonal().sqrt().to(linear.weight.dtype)
    return masked(linear, linear.weight * mask24(linear.weight.abs() * norms))


def masked(linear: nn.Linear, weight: Tensor) -> nn.Linear:
    """A dense nn.Linear that holds a sparse weight and the bias of `linear`."""
    pruned = nn.Linear(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
    pruned.weight = nn.Parameter(weight.detach().to(linear.weight.dtype).clone())
    if linear.bias is not None:
        pruned.bias = nn.Parameter(linear.bias.detach().clone())
    return pruned.train(linear.training)
