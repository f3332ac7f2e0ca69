"""What a compiler sees of the operators on CUDA: their Triton kernels and torch.bmm, not one opaque call.

`torch.library.triton_op` does the same for an operator that is made of Triton kernels everywhere: it imports Triton
as the operator is registered, and takes it apart on every device. These operators have kernels of their own on a CPU,
which it would hide from the compiler, so the rule it registers is registered here for CUDA tensors alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._library.custom_ops import CustomOpDef
from torch._subclasses.functional_tensor import FunctionalTensorMode
from torch.utils._pytree import tree_leaves

from stl_nn.backend import has_triton


def show_to_compiler(operator: CustomOpDef, implementation: Callable[..., Tensor]) -> None:
    """Let AOT compilers trace an implementation in place of an operator on CUDA, if all sizes are numbers.

    Symbolic sizes leave the operator whole: the loop over panels would fix the number of rows.

    Parameters
    ----------
    operator : CustomOpDef
        The operator.
    implementation : callable
        A function of the operator's arguments that starts kernels through `torch.library.wrap_triton`.

    Examples
    --------
    >>> schema = "(Tensor x) -> Tensor"
    >>> twice = torch.library.custom_op("stl_example::twice", lambda x: 2 * x, mutates_args=(), schema=schema)
    >>> show_to_compiler(twice, lambda x: x + x)
    """

    def rule(mode: Any, op: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not _takes_apart([one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]):
            return mode.__torch_dispatch__(op, types, args, kwargs)
        with mode:
            return implementation(*args, **kwargs)

    operator.register_torch_dispatch(FunctionalTensorMode, rule)


def _takes_apart(tensors: list[Tensor]) -> bool:
    numbers = all(isinstance(size, int) for tensor in tensors for size in tensor.shape)
    # Switched off by torch.export: kernels cannot be serialised, so its programs hold the operator.
    wanted: bool = torch._functorch.config.decompose_custom_triton_ops
    return wanted and numbers and all(tensor.is_cuda for tensor in tensors) and has_triton()
