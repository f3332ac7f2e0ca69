"""1×1 convolutions as linear layers over channels."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

CONVOLUTIONS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class PointwiseConv(nn.Module):
    """A 1×1 convolution by a linear layer: x (B, C, *space) or (C, *space) to the same with C' channels.

    Positions along the last space axis are consecutive rows of the linear layer.

    Parameters
    ----------
    linear : nn.Module
        A module that maps the last axis (..., C) to (..., C').
    dimensions : int
        The number of space axes, 1 to 3.
    stride : tuple of int
        For each space axis s: only every s-th position is kept.

    Examples
    --------
    >>> PointwiseConv(nn.Linear(3, 8), 2, (1, 1))(torch.ones(2, 3, 5, 5)).shape
    torch.Size([2, 8, 5, 5])
    """

    stands_in_for_dense = True

    def __init__(self, linear: nn.Module, dimensions: int, stride: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = linear
        self.dimensions = dimensions
        self.stride = tuple(stride)

    @property
    def weight(self) -> Tensor | None:
        """(C', C, 1…) if `linear` has a dense weight, else None."""
        weight: object = self.linear.weight
        return weight[(..., *[None] * self.dimensions)] if isinstance(weight, Tensor) else None

    @property
    def bias(self) -> Tensor | None:
        """That of `linear`."""
        bias: object = self.linear.bias
        return bias if isinstance(bias, Tensor) else None

    def forward(self, input: Tensor) -> Tensor:
        """Compute y (B, C', *space) of an input x (B, C, *space).

        Parameters
        ----------
        input : Tensor
            x, (B, C, *space) or (C, *space).

        Returns
        -------
        Tensor
            y, (B, C', *space).
        """
        rows = channels_last(input, self.stride)
        y: Tensor = self.linear(rows)
        placed = y.movedim(-1, -self.dimensions - 1)
        # As a convolution does: in the memory format of what came in, so that a view of it can be taken.
        channels_are_last = rows.is_contiguous() and not input.is_contiguous()
        return placed if channels_are_last else placed.contiguous()

    def extra_repr(self) -> str:
        """What `repr` says of the layer.

        Returns
        -------
        str
            On one line.
        """
        return f"dimensions={self.dimensions}, stride={self.stride}"


def channels_last(x: Tensor, stride: tuple[int, ...]) -> Tensor:
    """Some positions of an image as rows of channels.

    Parameters
    ----------
    x : Tensor
        (..., C, *space).
    stride : tuple of int
        For each space axis s: every s-th position is taken.

    Returns
    -------
    Tensor
        (..., *space, C).

    Examples
    --------
    >>> channels_last(torch.ones(2, 3, 5, 5), (2, 2)).shape
    torch.Size([2, 3, 3, 3])
    """
    for axis, step in enumerate(stride, start=-len(stride)):
        if step != 1:
            x = x.index_select(axis, torch.arange(0, x.shape[axis], step, device=x.device))
    return x.movedim(-len(stride) - 1, -1)


def entering_rows(module: nn.Module, x: Tensor) -> Tensor:
    """The rows (..., K) that the linear layer in a module multiplies.

    Parameters
    ----------
    module : nn.Module
        A linear layer or a 1×1 convolution.
    x : Tensor
        What the module is called with.

    Returns
    -------
    Tensor
        (..., K).

    Examples
    --------
    >>> entering_rows(nn.Conv2d(3, 4, 1), torch.ones(2, 3, 5, 5)).shape
    torch.Size([2, 5, 5, 3])
    """
    return channels_last(x, tuple(module.stride)) if is_pointwise(module) else x


def leaving_rows(module: nn.Module, y: Tensor) -> Tensor:
    """The rows (..., N) that the linear layer in a module makes.

    Parameters
    ----------
    module : nn.Module
        A linear layer or a 1×1 convolution.
    y : Tensor
        What the module returns.

    Returns
    -------
    Tensor
        (..., N).

    Examples
    --------
    >>> leaving_rows(nn.Conv2d(3, 4, 1), torch.ones(2, 4, 5, 5)).shape
    torch.Size([2, 5, 5, 4])
    """
    return y.movedim(-len(module.stride) - 1, -1) if is_pointwise(module) else y


def row_layout(module: nn.Module) -> tuple[int, ...]:
    """What distinguishes linear layers that take different rows of one input: the stride of a convolution.

    Parameters
    ----------
    module : nn.Module
        A linear layer or a 1×1 convolution.

    Returns
    -------
    tuple of int
        The stride; empty for what is no convolution.

    Examples
    --------
    >>> row_layout(nn.Linear(2, 2)), row_layout(nn.Conv1d(2, 2, 1))
    ((), (1,))
    """
    return tuple(module.stride) if is_pointwise(module) else ()


def is_pointwise(module: nn.Module) -> TypeGuard[nn.Conv1d | nn.Conv2d | nn.Conv3d]:
    """Whether a module is a convolution that mixes channels alone: kernel 1, no padding, one group.

    Parameters
    ----------
    module : nn.Module
        Any module.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
    >>> is_pointwise(nn.Conv1d(4, 4, 1)), is_pointwise(nn.Conv1d(4, 4, 1, groups=2))
    (True, False)
    """
    if not isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) or type(module) not in CONVOLUTIONS.values():
        return False
    unpadded = module.padding in ("valid", "same") or set(module.padding) == {0}
    return unpadded and set(module.kernel_size) == {1} and module.groups == 1


def sharing(module: nn.Module, weight: Tensor) -> nn.Linear:
    """An nn.Linear that shares its numbers with another module; nothing is copied.

    Parameters
    ----------
    module : nn.Module
        The module, whose bias and training mode the layer takes.
    weight : Tensor
        (N, K), a view of the module's own weight.

    Returns
    -------
    nn.Linear
        The layer.

    Examples
    --------
    >>> conv = nn.Conv2d(3, 8, 1)
    >>> sharing(conv, conv.weight.flatten(1)).bias is conv.bias
    True
    """
    linear = nn.Linear(weight.shape[1], weight.shape[0], device="meta", dtype=weight.dtype)
    linear.weight = nn.Parameter(weight.detach(), requires_grad=weight.requires_grad)
    linear.register_parameter("bias", module.bias)  # type: ignore[arg-type]
    return linear.train(module.training)


def pointwise_from_linear(linear: nn.Linear, dimensions: int, stride: tuple[int, ...]) -> nn.Module:
    """The 1×1 convolution with the weights of an nn.Linear: the way back.

    Parameters
    ----------
    linear : nn.Linear
        The linear layer, C to C' features.
    dimensions : int
        As of `PointwiseConv`.
    stride : tuple of int
        As of `PointwiseConv`.

    Returns
    -------
    nn.Module
        An nn.Conv1d, nn.Conv2d or nn.Conv3d.

    Examples
    --------
    >>> pointwise_from_linear(nn.Linear(3, 8), 2, (1, 1)).weight.shape
    torch.Size([8, 3, 1, 1])
    """
    conv = CONVOLUTIONS[dimensions](
        linear.in_features, linear.out_features, 1, stride=stride, bias=linear.bias is not None, device="meta"
    )
    weight = linear.weight.detach().reshape(*linear.weight.shape, *[1] * dimensions)
    conv.weight = nn.Parameter(weight, requires_grad=linear.weight.requires_grad)
    conv.bias = linear.bias
    trained: nn.Module = conv.train(linear.training)
    return trained
