"""Checks of what a layer is made of: its dense weight, and the order of its input channels."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.matmul import FLOATING


def check_weight(weight: Tensor, name: str) -> Tensor:
    """Return a weight that can be encoded.

    Parameters
    ----------
    weight : Tensor
        The weight of a layer, (N, K).
    name : str
        What the message calls the layer.

    Returns
    -------
    Tensor
        The weight.

    Raises
    ------
    InvalidInput
        If the weight is no matrix of real numbers, holds NaN or infinity, or is on the meta device.

    Examples
    --------
    >>> check_weight(torch.full((2, 2), torch.nan), "head")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: the weight of head holds NaN or infinity; repair the checkpoint or filter it out
    """
    if weight.dtype not in FLOATING or weight.dim() != 2:
        raise InvalidInput(f"the weight of {name} is {weight.dtype} of shape {tuple(weight.shape)}, no real matrix")
    if weight.is_meta:
        raise InvalidInput(f"the weight of {name} is on the meta device; load the model before converting it")
    if not bool(torch.isfinite(weight.detach()).all()):
        raise InvalidInput(f"the weight of {name} holds NaN or infinity; repair the checkpoint or filter it out")
    return weight


def check_permutation(permutation: Tensor, features: int) -> Tensor:
    """Return an order of input features as int64.

    Parameters
    ----------
    permutation : Tensor
        The features in another order, (K,), of any integer dtype.
    features : int
        K.

    Returns
    -------
    Tensor
        (K,), int64.

    Raises
    ------
    InvalidInput
        If it does not name each of the features once.

    Examples
    --------
    >>> check_permutation(torch.tensor([1, 0], dtype=torch.int32), 2)
    tensor([1, 0])
    """
    order = permutation.to(torch.int64)
    if order.shape != (features,) or not torch.equal(order.sort().values.cpu(), torch.arange(features)):
        raise InvalidInput(f"permutation of shape {tuple(permutation.shape)} does not order {features} input features")
    return order
