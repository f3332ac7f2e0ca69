"""Large tensors in huge pages."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor


def empty_in_huge_pages(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """An uninitialised CPU tensor in memory from numpy, which asks Linux to back it by huge pages.

    Touching it for the first time costs far less, and matrix products miss fewer address translations: channel matrices
    lie megabytes apart. On a system without huge pages it is ordinary memory.

    Parameters
    ----------
    shape : tuple of int
        Of the tensor.
    dtype : dtype
        Of the tensor.

    Returns
    -------
    Tensor
        The tensor.

    Examples
    --------
    >>> empty_in_huge_pages((2, 3), torch.bfloat16).shape
    torch.Size([2, 3])
    """
    if 0 in shape:
        return torch.empty(shape, dtype=dtype)
    memory = torch.from_numpy(np.empty(prod(shape) * dtype.itemsize, np.uint8))
    # Not a view of that: autograd would not let users change the output of a layer in place.
    return torch.empty(0, dtype=dtype).set_(memory.untyped_storage(), 0, shape)  # type: ignore[call-overload]


def in_huge_pages(tensor: Tensor) -> Tensor:
    """A copy in huge pages of a plain CPU tensor; any other tensor as it is.

    Parameters
    ----------
    tensor : Tensor
        The tensor.

    Returns
    -------
    Tensor
        The copy, or `tensor` itself.

    Examples
    --------
    >>> in_huge_pages(torch.ones(2)).tolist()
    [1.0, 1.0]
    """
    if type(tensor) is not Tensor or tensor.device.type != "cpu" or tensor.requires_grad or tensor.numel() == 0:
        return tensor
    if torch.compiler.is_compiling() or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return tensor
    return empty_in_huge_pages(tuple(tensor.shape), tensor.dtype).copy_(tensor)
