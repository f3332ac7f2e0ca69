"""The STL operator in torch's operator library: `torch.ops.stl.matmul`, and its passes `.encode_tiles`,
`.multiply_channels` and `.decode_tiles`.

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
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.gpu.visible import show_to_compiler
from stl_nn.recursion import DECODE, ENCODE_X, RANK, SIDE, ascend, descend, transposed
from stl_nn.tiling import tile_count, unfold_tiles


@torch.library.custom_op("stl::encode_tiles", mutates_args=(), device_types="cpu")
def encode_tiles(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    """`stl_nn.tiling.encode_tiles`, the result rounded to the dtype of the matrix."""
    from stl_nn.cpu.matmul import encode_on_cpu

    return encode_on_cpu(matrix, encode.to(coefficient_dtype(matrix.dtype)), height, width)


@torch.library.custom_op("stl::decode_tiles", mutates_args=(), device_types="cpu")
def decode_tiles(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int) -> Tensor:
    """`stl_nn.tiling.decode_tiles`, cut to (rows, columns) and rounded to the dtype of the channels."""
    from stl_nn.cpu.matmul import decode_on_cpu
    from stl_nn.cpu.memory import empty_in_huge_pages

    out = empty_in_huge_pages((rows, columns), channels.dtype)
    return decode_on_cpu(channels, decode.to(coefficient_dtype(channels.dtype)), height, width, out)


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
    coarse: bool = False,
    depth: int = 0,
) -> Tensor:
    """`stl_nn.reference.reference_matmul`, with the encoder's tensors and format one by one."""
    from stl_nn.cpu.matmul import matmul_on_cpu

    encoder = EncoderTensors(Format(*format), encode_x, encode_x, decode, coarse, depth)
    return matmul_on_cpu(x, encoded_weight, encoder, out_features, bias=bias, activation=activation)


@torch.library.custom_op("stl::multiply_channels", mutates_args=(), device_types="cpu")
def multiply_channels(encoded_x: Tensor, encoded_weight: Tensor, coarse: bool = False) -> Tensor:
    """The r products (r, I, K')·(r, K', J), in float32 (float64 for it), or rounded as in `matmul` where `coarse`."""
    from stl_nn.cpu.matmul import channel_products

    return channel_products(encoded_x, encoded_weight, coarse)


def _encode_on_gpu(matrix: Tensor, encode: Tensor, height: int, width: int, *, traced: bool = False) -> Tensor:
    from stl_nn.gpu.matmul import encode_on_gpu

    return encode_on_gpu(matrix, encode, height, width, traced=traced)


def _decode_on_gpu(
    channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int, *, traced: bool = False
) -> Tensor:
    from stl_nn.gpu.matmul import decoded_on_gpu

    return decoded_on_gpu(channels, decode, height, width, rows, columns, traced=traced)


def _multiply_on_gpu(
    encoded_x: Tensor,
    encoded_weight: Tensor,
    coarse: bool = False,
    *,
    traced: bool = False,  # noqa: ARG001
) -> Tensor:
    from stl_nn.gpu.matmul import channel_products
    from stl_nn.reduced import use_reduced

    return channel_products(encoded_x, encoded_weight, use_reduced(encoded_x.dtype, encoded_x.device, coarse)).float()


def _matmul_on_gpu(
    x: Tensor, encoded_weight: Tensor, encode_x: Tensor, decode: Tensor, *rest: Any, traced: bool = False
) -> Tensor:
    from stl_nn.gpu.matmul import matmul_on_gpu

    bias, format, out_features, activation, *quality = rest
    encoder = EncoderTensors(Format(*format), encode_x, encode_x, decode, *quality)
    return matmul_on_gpu(x, encoded_weight, encoder, out_features, bias=bias, activation=activation, traced=traced)


for _operator, _on_gpu in (
    (encode_tiles, _encode_on_gpu),
    (decode_tiles, _decode_on_gpu),
    (multiply_channels, _multiply_on_gpu),
    (matmul, _matmul_on_gpu),
):
    _operator.register_kernel("cuda")(_on_gpu)
    show_to_compiler(_operator, partial(_on_gpu, traced=True))


@encode_tiles.register_fake
def _(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    rows, columns = matrix.shape
    return matrix.new_empty(encode.shape[0], -(-rows // height), -(-columns // width))


@decode_tiles.register_fake
def _(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int) -> Tensor:  # noqa: ARG001
    return channels.new_empty(rows, columns)


@multiply_channels.register_fake
def _(encoded_x: Tensor, encoded_weight: Tensor, coarse: bool = False) -> Tensor:  # noqa: ARG001
    shape = *encoded_x.shape[:2], encoded_weight.shape[2]
    return encoded_x.new_empty(shape, dtype=coefficient_dtype(encoded_x.dtype))


@matmul.register_fake
def _(x: Tensor, encoded_weight: Tensor, encode_x: Tensor, decode: Tensor, *rest: Any) -> Tensor:  # noqa: ARG001
    out_features = rest[2]
    return x.new_empty(x.shape[0], out_features)


def _encode_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    matrix, encode, ctx.height, ctx.width = inputs
    ctx.save_for_backward(matrix, encode)


def _encode_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    matrix, encode = ctx.saved_tensors
    to_matrix = to_encode = None
    if ctx.needs_input_grad[0]:
        to_matrix = decode_tiles(grad.contiguous(), encode.T.contiguous(), ctx.height, ctx.width, *matrix.shape)
    if ctx.needs_input_grad[1]:
        to_encode = _contract(grad, unfold_tiles(matrix, ctx.height, ctx.width), encode.dtype)
    return to_matrix, to_encode, None, None


def _decode_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    channels, decode, ctx.height, ctx.width, _, _ = inputs
    ctx.save_for_backward(channels, decode)


def _decode_backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    channels, decode = ctx.saved_tensors
    to_channels = to_decode = None
    if ctx.needs_input_grad[0]:
        to_channels = encode_tiles(grad.contiguous(), decode.T.contiguous(), ctx.height, ctx.width)
    if ctx.needs_input_grad[1]:
        to_decode = _contract(unfold_tiles(grad, ctx.height, ctx.width), channels, decode.dtype)
    return to_channels, to_decode, None, None, None, None


def _multiply_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    encoded_x, encoded_weight, ctx.coarse = inputs
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
    """Products of channels, with encoding and decoding by the transposed matrices: Y's tiles are decoded, so its
    gradient's are encoded. The encoded X and Y are made again rather than kept."""
    x, weight, encode_x, decode, bias = ctx.saved_tensors
    n, m, p = ctx.format
    grad = grad.contiguous()
    if ctx.activation != "none":
        before = matmul(x, weight, encode_x, decode, bias, ctx.format, ctx.out_features, "none", *ctx.quality)
        grad = backward_of(ctx.activation, grad, before)
    to_x = to_weight = to_encode = to_decode = None
    need_x, need_weight, need_encode, need_decode, need_bias = ctx.needs_input_grad[:5]
    wide, depth = _product_dtype(x), ctx.quality[1]
    tiles = [tile_count(size, side) for size, side in ((x.shape[0], n), (x.shape[1], m), (grad.shape[1], p))]
    high = tile_count(x.shape[0], n * SIDE**depth)
    channels = encode_tiles(grad, decode.T.contiguous(), n, p)
    channels = descend(channels, depth, transposed(DECODE), (high, weight.shape[2]), encode_tiles)
    channels = channels.to(wide)
    if need_x or need_encode:
        shape = (tiles[0], tiles[1])
        to_encoded = channels.bmm(weight.to(wide).mT)
        to_encoded = ascend(to_encoded, depth, transposed(ENCODE_X), shape, decode_tiles).contiguous()
        if need_x:
            to_x = decode_tiles(to_encoded, encode_x.T.contiguous(), n, m, *x.shape).to(x.dtype)
        if need_encode:
            to_encode = _contract(to_encoded, unfold_tiles(x, n, m), encode_x.dtype)
    if need_weight or need_decode:
        encoded = descend(encode_tiles(x, encode_x, n, m), depth, ENCODE_X, (high, weight.shape[1]), encode_tiles)
        encoded = encoded.to(wide)
        if need_weight:
            to_weight = encoded.mT.bmm(channels).to(weight.dtype)
        if need_decode:
            products = ascend(encoded.bmm(weight.to(wide)), depth, DECODE, (tiles[0], tiles[2]), decode_tiles)
            to_decode = _contract(unfold_tiles(grad, n, p), products, decode.dtype)
    to_bias = grad.sum(0).to(bias.dtype) if need_bias and bias is not None else None
    return to_x, to_weight, to_encode, to_decode, to_bias, None, None, None, None, None


def _product_dtype(x: Tensor) -> torch.dtype:
    """What gradients are multiplied in: a GPU sums low precisions in float32, for a CPU they are converted to it."""
    return x.dtype if x.is_cuda else coefficient_dtype(x.dtype)


def _contract(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """Σ over all tiles of left (A, I, J) and right (B, I, J), as a matrix (A, B)."""
    return left.flatten(1).to(dtype) @ right.flatten(1).to(dtype).T


encode_tiles.register_autograd(_encode_backward, setup_context=_encode_context)
decode_tiles.register_autograd(_decode_backward, setup_context=_decode_context)
multiply_channels.register_autograd(_multiply_backward, setup_context=_multiply_context)
matmul.register_autograd(_matmul_backward, setup_context=_matmul_context)


@register_flop_formula(torch.ops.stl.encode_tiles)
def encode_flops(matrix: Sequence[int], encode: Sequence[int], height: int, width: int, **_: Any) -> int:
    """Two for each coefficient and tile."""
    return 2 * encode[0] * encode[1] * -(-matrix[0] // height) * -(-matrix[1] // width)


@register_flop_formula(torch.ops.stl.decode_tiles)
def decode_flops(channels: Sequence[int], decode: Sequence[int], *_: Any, **__: Any) -> int:
    """Two for each coefficient and tile."""
    return 2 * decode[0] * decode[1] * channels[1] * channels[2]


@register_flop_formula(torch.ops.stl.multiply_channels)
def multiply_flops(encoded_x: Sequence[int], encoded_weight: Sequence[int], *_: Any, **__: Any) -> int:
    """Two for each scalar product."""
    rank, tile_rows, inner = encoded_x
    return 2 * rank * tile_rows * inner * encoded_weight[2]


@register_flop_formula(torch.ops.stl.matmul)
def matmul_flops(
    x: Sequence[int],
    weight: Sequence[int],
    encode_x: Sequence[int],
    decode: Sequence[int],
    bias: Any,  # noqa: ARG001
    format: Sequence[int],
    out_features: int,
    activation: str,  # noqa: ARG001
    coarse: bool = False,  # noqa: ARG001
    depth: int = 0,
    **_: Any,
) -> int:
    """Encoding X, the products of channels, and decoding Y; on the way down and up two for each coefficient as well."""
    n, m, p = format
    rank, sides = encode_x[0], [tile_count(size, side) for size, side in ((x[0], n), (x[1], m), (out_features, p))]
    total = encode_flops(x, encode_x, n, m) + decode_flops((rank, sides[0], sides[2]), decode)
    for _level in range(depth):
        sides = [tile_count(side, SIDE) for side in sides]
        rank *= RANK
        total += 2 * SIDE**2 * rank * sides[0] * (sides[1] + sides[2])
    return total + multiply_flops((rank, sides[0], sides[1]), weight)
