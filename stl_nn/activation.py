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
    """Return the name, or raise InvalidInput where no activation has it.

    >>> check_activation("silu")
    'silu'
    """
    if name not in ACTIVATIONS:
        raise InvalidInput(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return name


def backward_of(name: str, grad: Tensor, before: Tensor) -> Tensor:
    """The gradient with respect to what an activation was applied to, in torch's own operators.

    >>> backward_of("relu", torch.ones(2), torch.tensor([-1.0, 1.0])).tolist()
    [0.0, 1.0]
    """
    aten: Any = torch.ops.aten
    result: Tensor = grad
    match name:
        case "relu":
            result = aten.threshold_backward(grad, before, 0)
        case "silu":
            result = aten.silu_backward(grad, before)
        case "gelu" | "gelu_tanh":
            approximate = "tanh" if name == "gelu_tanh" else "none"
            result = aten.gelu_backward(grad, before, approximate=approximate)
    return result
