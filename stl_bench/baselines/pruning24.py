"""2:4 sparsity: of four consecutive input weights the two most important stay; by magnitude or by Wanda's score."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import InputMoments


def mask24(score: Tensor) -> Tensor:
    """Mark the two largest of every four consecutive columns of a score. Of equal scores the first ones stay.

    Parameters
    ----------
    score : Tensor
        (N, K), K a multiple of 4.

    Returns
    -------
    Tensor
        (N, K), booleans: whether the entry stays.

    Raises
    ------
    InvalidInput
        If K is no multiple of 4.

    References
    ----------
    Mishra et al., Accelerating sparse deep neural networks, 2021.

    Examples
    --------
    >>> mask24(torch.tensor([[3.0, 1.0, 2.0, 0.0]])).tolist()
    [[True, False, True, False]]
    """
    rows, columns = score.shape
    if columns % 4:
        raise InvalidInput(
            f"2:4 sparsity needs a multiple of 4 input features, and this layer has {columns}; filter it out"
        )
    fours = score.reshape(rows, columns // 4, 4)
    order = torch.argsort(fours, dim=-1, descending=True, stable=True)
    mask = torch.zeros_like(fours, dtype=torch.bool).scatter_(-1, order[..., :2], True)
    return mask.reshape(rows, columns)


@torch.no_grad()
def magnitude24(linear: nn.Linear) -> nn.Linear:
    """Set the two smallest of every four weights to zero.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.

    Returns
    -------
    nn.Linear
        A dense layer with these zeros.

    Raises
    ------
    InvalidInput
        If K is no multiple of 4.

    Examples
    --------
    >>> int((magnitude24(nn.Linear(8, 3)).weight == 0).sum())
    12
    """
    return masked(linear, linear.weight * mask24(linear.weight.abs()))


@torch.no_grad()
def wanda24(linear: nn.Linear, moments: InputMoments) -> nn.Linear:
    """Prune as `magnitude24`, with the weights ranked by |w_ij|·‖x_j‖.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    moments : InputMoments
        The moments of the layer's inputs, from `gather_moments`.

    Returns
    -------
    nn.Linear
        A dense layer with these zeros.

    Raises
    ------
    InvalidInput
        If K is no multiple of 4.

    References
    ----------
    Sun et al., A simple and effective pruning approach for large language models, 2023.
    """
    norms = moments.second.diagonal().sqrt().to(linear.weight.dtype)
    return masked(linear, linear.weight * mask24(linear.weight.abs() * norms))


def masked(linear: nn.Linear, weight: Tensor) -> nn.Linear:
    """Make a dense layer that holds a sparse weight and the bias of another layer.

    Parameters
    ----------
    linear : nn.Linear
        The layer whose bias and mode are taken.
    weight : Tensor
        (N, K), the sparse weight.

    Returns
    -------
    nn.Linear
        The new layer.
    """
    pruned = nn.Linear(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
    pruned.weight = nn.Parameter(weight.detach().to(linear.weight.dtype).clone())
    if linear.bias is not None:
        pruned.bias = nn.Parameter(linear.bias.detach().clone())
    return pruned.train(linear.training)
