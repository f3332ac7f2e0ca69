"""The STL operator in torch's operator library: `torch.ops.stl.matmul` and its three passes.

The passes are `torch.ops.stl.encode_tiles`, `.multiply_channels` and `.decode_tiles`.

Registered with kernels for CPU and CUDA, shapes for the compiler, gradients, and a FLOP count, so that
torch.compile, FakeTensorMode, autograd and torch.utils.flop_counter see one operator; on CUDA a compiler then sees the
kernels it consists of as well, see `stl_nn.gpu.visible`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from stl_algebra import Format
from stl_nn.activation import backward_of
from stl_nn.composite import (
    compose_under_transforms,
    composite_decode,
    composite_encode,
    composite_matmul,
    composite_multiply,
)
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype, row_excess
from stl_nn.flops import decode_flops, encode_flops, matmul_flops, multiply_flops
from stl_nn.gpu.matmul import decoded_on_gpu, encode_on_gpu, matmul_on_gpu, multiply_on_gpu
from stl_nn.gpu.visible import show_to_compiler
from stl_nn.recursion import composed_rank, composed_tiles, decode_levels, levels_down, levels_up
from stl_nn.tiling import unfold_tiles


@torch.library.custom_op("stl::encode_tiles", mutates_args=(), device_types="cpu")
def encode_tiles(
    matrix: Tensor, encode: Tensor, height: int, width: int, depth: int = 0, gradient: bool = False
) -> Tensor:
    """`stl_nn.tiling.encode_tiles`, then levels of Strassen's scheme, rounded to the dtype of the matrix.

    Parameters
    ----------
    matrix, encode : Tensor
        As of `stl_nn.tiling.encode_tiles`.
    height, width : int
        As of `stl_nn.tiling.encode_tiles`.
    depth : int
        The number of levels, d.
    gradient : bool
        Whether they are the levels of the gradient of Y rather than those of X, see `levels_down`.

    Returns
    -------
    Tensor
        (r·7^d, ⌈A/(2^d·height)⌉, ⌈B/(2^d·width)⌉).
    """
    from stl_nn.cpu.matmul import encode_on_cpu

    wide = encode.to(coefficient_dtype(matrix.dtype))
    return encode_on_cpu(matrix, wide, height, width, depth, levels_down(gradient))


@torch.library.custom_op("stl::decode_tiles", mutates_args=(), device_types="cpu")
def decode_tiles(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    rows: int,
    columns: int,
    depth: int = 0,
    gradient: bool = False,
) -> Tensor:
    """Decode by levels of Strassen's scheme, then `stl_nn.tiling.decode_and_cut`, rounded to the dtype of the channels.

    Parameters
    ----------
    channels, decode : Tensor
        As of `stl_nn.tiling.decode_and_cut`, with channels (r·7^d, …).
    height, width, rows, columns : int
        As of `stl_nn.tiling.decode_and_cut`, with channels (r·7^d, …).
    depth : int
        The number of levels, d.
    gradient : bool
        Whether they are the levels of the gradient of X rather than those of Y, see `levels_up`.

    Returns
    -------
    Tensor
        (rows, columns).
    """
    from stl_nn.cpu.matmul import decode_on_cpu
    from stl_nn.cpu.memory import empty_in_huge_pages

    out = empty_in_huge_pages((rows, columns), channels.dtype)
    wide = decode.to(coefficient_dtype(channels.dtype))
    return decode_on_cpu(channels, wide, height, width, out, depth, levels_up(gradient))


@torch.library.custom_op("stl::matmul", mutates_args=(), device_types="cpu")
def matmul(
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
    """`stl_nn.reference.reference_matmul`, with the encoder's tensors and format one by one.

    Parameters
    ----------
    x, encoded_weight : Tensor
        As of `stl_nn.reference.reference_matmul`.
    bias : Tensor or None
        As of `stl_nn.reference.reference_matmul`.
    out_features : int
        As of `stl_nn.reference.reference_matmul`.
    activation : str
        As of `stl_nn.reference.reference_matmul`.
    encode_x, decode : Tensor
        As of `EncoderTensors`.
    format : sequence of int
        As of `EncoderTensors`.
    reduced_channels : bool
        As of `EncoderTensors`.
    depth : int
        As of `EncoderTensors`.

    Returns
    -------
    Tensor
        (M, N).
    """
    from stl_nn.cpu.matmul import matmul_on_cpu

    encoder = EncoderTensors(Format(*format), encode_x, encode_x, decode, reduced_channels, depth)
    return matmul_on_cpu(x, encoded_weight, encoder, out_features, bias=bias, activation=activation)


@torch.library.custom_op("stl::multiply_channels", mutates_args=(), device_types="cpu")
def multiply_channels(encoded_x: Tensor, encoded_weight: Tensor, reduced_channels: bool = False) -> Tensor:
    """The r products of matrices of two encoded operands.

    Parameters
    ----------
    encoded_x : Tensor
        (r, I, K').
    encoded_weight : Tensor
        (r, K', J).
    reduced_channels : bool
        Whether products of bfloat16 may be rounded to it, as in `matmul`.

    Returns
    -------
    Tensor
        (r, I, J), in float32, or float64 for float64.
    """
    from stl_nn.cpu.matmul import channel_products

    return channel_products(encoded_x, encoded_weight, reduced_channels)


def _matmul_on_gpu(
    x: Tensor, encoded_weight: Tensor, encode_x: Tensor, decode: Tensor, *rest: Any, traced: bool = False
) -> Tensor:
    bias, format, out_features, activation, *quality = rest
    encoder = EncoderTensors(Format(*format), encode_x, encode_x, decode, *quality)
    return matmul_on_gpu(x, encoded_weight, encoder, out_features, bias=bias, activation=activation, traced=traced)


for _operator, _on_gpu in (
    (encode_tiles, encode_on_gpu),
    (decode_tiles, decoded_on_gpu),
    (multiply_channels, multiply_on_gpu),
    (matmul, _matmul_on_gpu),
):
    _operator.register_kernel("cuda")(_on_gpu)
    show_to_compiler(_operator, partial(_on_gpu, traced=True))


@encode_tiles.register_fake
def _(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    gradient: bool = False,  # noqa: ARG001
) -> Tensor:
    return matrix.new_empty(composed_rank(encode.shape[0], depth), *composed_tiles(matrix.shape, height, width, depth))


@decode_tiles.register_fake
def _(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int, *levels: Any) -> Tensor:  # noqa: ARG001
    return channels.new_empty(rows, columns)


@multiply_channels.register_fake
def _(encoded_x: Tensor, encoded_weight: Tensor, reduced_channels: bool = False) -> Tensor:  # noqa: ARG001
    shape = *encoded_x.shape[:2], encoded_weight.shape[2]
    return encoded_x.new_empty(shape, dtype=coefficient_dtype(encoded_x.dtype))


@matmul.register_fake
def _(x: Tensor, encoded_weight: Tensor, encode_x: Tensor, decode: Tensor, *rest: Any) -> Tensor:  # noqa: ARG001
    out_features = rest[2]
    return x.new_empty(x.shape[0], out_features)


def _encode_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    matrix, encode, *ctx.tile, ctx.depth, ctx.gradient = inputs
    ctx.save_for_backward(matrix, encode)


def _encode_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    matrix, encode = ctx.saved_tensors
    to_matrix = to_encode = None
    grad, levels = grad.contiguous(), (ctx.depth, not ctx.gradient)
    if ctx.needs_input_grad[0]:
        to_matrix = decode_tiles(grad, encode.T.contiguous(), *ctx.tile, *matrix.shape, *levels)
    if ctx.needs_input_grad[1]:
        tiles, above = _tiles_and_channels(matrix, grad, ctx.tile, ctx.depth, not ctx.gradient)
        to_encode = _contract(above, tiles, encode.dtype)
    return to_matrix, to_encode, None, None, None, None


def _decode_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    channels, decode, *ctx.tile, _, _, ctx.depth, ctx.gradient = inputs
    ctx.save_for_backward(channels, decode)


def _decode_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    channels, decode = ctx.saved_tensors
    to_channels = to_decode = None
    if ctx.needs_input_grad[0]:
        to_channels = encode_tiles(grad.contiguous(), decode.T.contiguous(), *ctx.tile, ctx.depth, not ctx.gradient)
    if ctx.needs_input_grad[1]:
        tiles, above = _tiles_and_channels(grad, channels, ctx.tile, ctx.depth, ctx.gradient)
        to_decode = _contract(tiles, above, decode.dtype)
    return to_channels, to_decode, None, None, None, None, None, None


def _multiply_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    encoded_x, encoded_weight, ctx.reduced_channels = inputs
    ctx.save_for_backward(encoded_x, encoded_weight)


def _multiply_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    encoded, weight = ctx.saved_tensors
    wide = _product_dtype(encoded)
    grad = grad.to(wide)
    to_encoded = grad.bmm(weight.to(wide).mT).to(encoded.dtype) if ctx.needs_input_grad[0] else None
    to_weight = encoded.to(wide).mT.bmm(grad).to(weight.dtype) if ctx.needs_input_grad[1] else None
    return to_encoded, to_weight, None


def _matmul_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    x, encoded_weight, encode_x, decode, bias, ctx.format, ctx.out_features, ctx.activation, *ctx.quality = inputs
    ctx.save_for_backward(x, encoded_weight, encode_x, decode, bias)


def _matmul_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    """Products of channels, with encoding and decoding by the transposed matrices.

    The tiles of Y are decoded, so those of its gradient are encoded. The encoded X and Y are made again, not kept.
    """
    x, weight, encode_x, decode, bias = ctx.saved_tensors
    n, m, p = ctx.format
    grad = grad.contiguous()
    if ctx.activation != "none":
        before = matmul(x, weight, encode_x, decode, bias, ctx.format, ctx.out_features, "none", *ctx.quality)
        grad = backward_of(ctx.activation, grad, before)
    to_x = to_weight = to_encode = to_decode = None
    need_x, need_weight, need_encode, need_decode, need_bias = ctx.needs_input_grad[:5]
    wide, depth = _product_dtype(x), ctx.quality[1]
    up, down, excess = decode.T.contiguous(), encode_x, None
    if x.dtype == torch.float16:  # as EncoderTensors.within does for X: the gradient of Y is encoded within its range
        excess = row_excess(up, depth)
        up, down = up / excess[:, None], encode_x * excess[:, None]
    channels = encode_tiles(grad, up, n, p, depth, True).to(wide)
    if need_x or need_encode:
        to_encoded = channels.bmm(weight.to(wide).mT)
        if need_x:
            to_x = decode_tiles(to_encoded, down.T.contiguous(), n, m, *x.shape, depth, True).to(x.dtype)
        if need_encode:
            tiles, above = _tiles_and_channels(x, to_encoded, (n, m), depth, True)
            to_encode = _contract(above, tiles, encode_x.dtype)
            to_encode = to_encode if excess is None else to_encode * excess[:, None]
    if need_weight or need_decode:
        encoded = encode_tiles(x, encode_x, n, m, depth).to(wide)
        if need_weight:
            to_weight = encoded.mT.bmm(channels)
            if excess is not None:
                to_weight = to_weight * excess.repeat(len(weight) // len(excess))[:, None, None]
            to_weight = to_weight.to(weight.dtype)
        if need_decode:
            tiles, above = _tiles_and_channels(grad, encoded.bmm(weight.to(wide)), (n, p), depth, False)
            to_decode = _contract(tiles, above, decode.dtype)
    to_bias = grad.sum(0).to(bias.dtype) if need_bias and bias is not None else None
    return to_x, to_weight, to_encode, to_decode, to_bias, None, None, None, None, None


def _product_dtype(x: Tensor) -> torch.dtype:
    """What gradients are multiplied in: a GPU sums low precisions in float32, for a CPU they are converted to it."""
    return x.dtype if x.is_cuda else coefficient_dtype(x.dtype)


def _tiles_and_channels(
    matrix: Tensor, channels: Tensor, tile: Sequence[int], depth: int, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Unfold: vec of the tiles (height·width, I, J) of a matrix, and their channels (r, I, J) above the levels."""
    tiles = unfold_tiles(matrix, *tile)
    return tiles, decode_levels(channels, depth, levels_up(gradient), tiles.shape[1:], decode_tiles)


def _contract(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """Σ over all tiles of left (A, I, J) and right (B, I, J), as a matrix (A, B)."""
    # Not flatten, which torch.autograd.grad(is_grads_batched=True) has no rule for.
    left, right = (one.reshape(one.shape[0], -1).to(dtype) for one in (left, right))
    return left @ right.T


encode_tiles.register_autograd(_encode_backward, setup_context=_encode_context)
decode_tiles.register_autograd(_decode_backward, setup_context=_decode_context)
multiply_channels.register_autograd(_multiply_backward, setup_context=_multiply_context)
matmul.register_autograd(_matmul_backward, setup_context=_matmul_context)

for _operator, _composite in (
    (encode_tiles, composite_encode),
    (decode_tiles, composite_decode),
    (multiply_channels, composite_multiply),
    (matmul, composite_matmul),
):
    compose_under_transforms(_operator, _composite)

register_flop_formula(torch.ops.stl.encode_tiles)(encode_flops)
register_flop_formula(torch.ops.stl.decode_tiles)(decode_flops)
register_flop_formula(torch.ops.stl.multiply_channels)(multiply_flops)
register_flop_formula(torch.ops.stl.matmul)(matmul_flops)
