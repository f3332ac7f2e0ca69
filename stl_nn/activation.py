"""The activations a layer can apply while it decodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
