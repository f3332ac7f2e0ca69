"""The activations a layer can apply while it decodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from stl_algebra import InvalidInput

#: By name, as the decoding kernels know them too; `none` is the identity.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda y: y,
    "relu": functional.relu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
}


def check_activation(name: str) -> str:
    """Return the name of an activation.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        The name.

    Raises
    ------
    InvalidInput
        If no activation has it.

    Examples
    --------
    >>> check_activation("silu")
    'silu'
    """
    if name not in ACTIVATIONS:
        raise InvalidInput(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return name


def backward_of(name: str, grad: Tensor, before: Tensor) -> Tensor:
    """The gradient with respect to what an activation was applied to, by torch's own operators.

    Parameters
    ----------
    name : str
        The activation.
    grad : Tensor
        The gradient with respect to its output, of any shape.
    before : Tensor
        What it was applied to, of the same shape.

    Returns
    -------
    Tensor
        Of the shape of `grad`.

    Examples
    --------
    >>> backward_of("relu", torch.ones(2), torch.tensor([-1.0, 1.0])).tolist()
    [0.0, 1.0]
    """
    aten: Any = torch.ops.aten
    result: Tensor = grad
    match name:
        case "relu":
            result = aten.threshold_backward(grad, before, 0)
        case "silu" if torch.is_grad_enabled():  # a graph of derivatives is built, and the fused operator has none
            sigmoid = before.sigmoid()
            result = grad * sigmoid * (1 + before * (1 - sigmoid))
        case "silu":
            result = aten.silu_backward(grad, before)
        case "gelu" | "gelu_tanh":
            approximate = "tanh" if name == "gelu_tanh" else "none"
            result = aten.gelu_backward(grad, before, approximate=approximate)
    return result
