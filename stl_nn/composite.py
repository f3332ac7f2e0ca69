"""The registered operators as compositions of torch's own, for transforms of functions and forward-mode derivatives.

A kernel knows neither batched nor dual tensors. While a transform of torch.func is active (vmap, grad, jvp, jacrev,
…), or a level of `torch.autograd.forward_ad` is open, the dispatcher is given these compositions instead, and so torch
differentiates and batches them itself, in any nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._library.autograd import make_autograd_impl
from torch._library.custom_ops import CustomOpDef
from torch.autograd import forward_ad

from stl_algebra import Format
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.recursion import composed_tiles, decode_levels, encode_levels, levels_down, levels_up
from stl_nn.reference import as_given, reference_matmul
from stl_nn.tiling import decode_and_cut, encode_tiles, tile_count


def composite_encode(
    matrix: Tensor, encode: Tensor, height: int, width: int, depth: int = 0, gradient: bool = False
) -> Tensor:
    """`stl_nn.ops.encode_tiles` by torch's operators.

    Parameters
    ----------
    matrix, encode : Tensor
        As of `stl_nn.ops.encode_tiles`.
    height, width, depth : int
        As of `stl_nn.ops.encode_tiles`.
    gradient : bool
        As of `stl_nn.ops.encode_tiles`.

    Returns
    -------
    Tensor
        (r·7^d, ⌈A/(2^d·height)⌉, ⌈B/(2^d·width)⌉).

    Examples
    --------
    >>> composite_encode(torch.ones(2, 4), torch.ones(1, 4), 2, 2).tolist()
    [[[4.0, 4.0]]]
    """
    with as_given(matrix):
        channels = encode_tiles(matrix, encode.to(coefficient_dtype(matrix.dtype)), height, width)
        tiles = composed_tiles(matrix.shape, height, width, depth)
        return encode_levels(channels, depth, levels_down(gradient), tiles).to(matrix.dtype)


def composite_decode(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    rows: int,
    columns: int,
    depth: int = 0,
    gradient: bool = False,
) -> Tensor:
    """`stl_nn.ops.decode_tiles` by torch's operators.

    Parameters
    ----------
    channels, decode : Tensor
        As of `stl_nn.ops.decode_tiles`.
    height, width, rows, columns, depth : int
        As of `stl_nn.ops.decode_tiles`.
    gradient : bool
        As of `stl_nn.ops.decode_tiles`.

    Returns
    -------
    Tensor
        (rows, columns).

    Examples
    --------
    >>> composite_decode(torch.ones(1, 1, 2), torch.ones(4, 1), 2, 2, 1, 3).tolist()
    [[1.0, 1.0, 1.0]]
    """
    wide = coefficient_dtype(channels.dtype)
    with as_given(channels):
        tiles = tile_count(rows, height), tile_count(columns, width)
        above = decode_levels(channels.to(wide), depth, levels_up(gradient), tiles)
        return decode_and_cut(above, decode.to(wide), height, width, rows, columns).to(channels.dtype)


def composite_multiply(encoded_x: Tensor, encoded_weight: Tensor, reduced_channels: bool = False) -> Tensor:  # noqa: ARG001
    """`stl_nn.ops.multiply_channels` by torch's operators.

    Parameters
    ----------
    encoded_x, encoded_weight : Tensor
        As of `stl_nn.ops.multiply_channels`.
    reduced_channels : bool
        It makes no difference: products stay in float32 or float64.

    Returns
    -------
    Tensor
        (r, I, J).

    Examples
    --------
    >>> composite_multiply(torch.ones(1, 2, 3), torch.ones(1, 3, 1)).flatten().tolist()
    [3.0, 3.0]
    """
    wide = coefficient_dtype(encoded_x.dtype)
    with as_given(encoded_x):
        return encoded_x.to(wide).bmm(encoded_weight.to(wide))


def composite_matmul(
    x: Tensor,
    encoded_weight: Tensor,
    encode_x: Tensor,
    decode: Tensor,
    bias: Tensor | None,
    format: Sequence[int],
    out_features: int,
    activation: str,
    reduced_channels: bool = False,
    depth: int = 0,
) -> Tensor:
    """`stl_nn.ops.matmul` by torch's operators.

    Parameters
    ----------
    x, encoded_weight, encode_x, decode : Tensor
        As of `stl_nn.ops.matmul`.
    bias : Tensor or None
        As of `stl_nn.ops.matmul`.
    format : sequence of int
        As of `stl_nn.ops.matmul`.
    out_features : int
        As of `stl_nn.ops.matmul`.
    activation : str
        As of `stl_nn.ops.matmul`.
    reduced_channels : bool
        As of `stl_nn.ops.matmul`.
    depth : int
        As of `stl_nn.ops.matmul`.

    Returns
    -------
    Tensor
        (M, N).
    """
    encoder = EncoderTensors(Format(*format), encode_x, encode_x, decode, reduced_channels, depth)
    return reference_matmul(x, encoded_weight, encoder, out_features, bias=bias, activation=activation)


_LIBRARY = torch.library.Library("stl", "FRAGMENT")  # it lives as long as the operators


def compose_under_transforms(operator: CustomOpDef, composite: Callable[..., Tensor]) -> None:
    """Let an operator be its composition under transforms of torch.func and in forward mode; else it stays as it is.

    Parameters
    ----------
    operator : CustomOpDef
        The operator, in the library "stl".
    composite : callable
        A function of the same arguments, made of operators that torch differentiates.
    """
    overload = operator._opoverload
    by_kernels = make_autograd_impl(overload, operator)

    def autograd(keyset: Any, *args: Any) -> Any:
        # Open levels are counted from 0. A dual tensor looks like any other to a kernel, which would drop its tangent.
        return by_kernels(keyset, *args) if forward_ad._current_level < 0 else composite(*args)

    name = overload._schema.name.removeprefix("stl::")
    _LIBRARY.impl(name, composite, "FuncTorchDynamicLayerFrontMode")
    for key in ("AutogradCPU", "AutogradCUDA"):  # before "Autograd", which the operator has registered for all
        _LIBRARY.impl(name, autograd, key, with_keyset=True)
