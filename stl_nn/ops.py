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
from stl_nn.recursion import DECODE, ENCODE_X, RANK, SIDE, Matrix, ascend, transposed, whole_rank, whole_tiles
from stl_nn.tiling import tile_count, unfold_tiles


@torch.library.custom_op("stl::encode_tiles", mutates_args=(), device_types="cpu")
def encode_tiles(
    matrix: Tensor, encode: Tensor, height: int, width: int, depth: int = 0, gradient: bool = False
) -> Tensor:
    """`stl_nn.tiling.encode_tiles`, then so many levels of Strassen's scheme, rounded to the dtype of the matrix.

    The levels are those that X goes through, or with `gradient` those of the gradient of Y: see `_levels_down`.
    """
    from stl_nn.cpu.matmul import encode_on_cpu

    wide = encode.to(coefficient_dtype(matrix.dtype))
    return encode_on_cpu(matrix, wide, height, width, depth, _levels_down(gradient))


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
    """So many levels of Strassen's scheme, then `stl_nn.tiling.decode_tiles`, cut to (rows, columns) and rounded to the
    dtype of the channels.

    The levels are those that Y comes from, or with `gradient` those of the gradient of X: see `_levels_up`.
    """
    from stl_nn.cpu.matmul import decode_on_cpu
    from stl_nn.cpu.memory import empty_in_huge_pages

    out = empty_in_huge_pages((rows, columns), channels.dtype)
    wide = decode.to(coefficient_dtype(channels.dtype))
    return decode_on_cpu(channels, wide, height, width, out, depth, _levels_up(gradient))


def _levels_down(gradient: bool) -> Matrix:
    """(7, 4): E_X, or Dᵀ, by which gradients of Y become those of its products."""
    return transposed(DECODE) if gradient else ENCODE_X


def _levels_up(gradient: bool) -> Matrix:
    """(4, 7): D, or E_Xᵀ, by which gradients of an encoded X become those of X."""
    return transposed(ENCODE_X) if gradient else DECODE


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


def _encode_on_gpu(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    gradient: bool = False,
    *,
    traced: bool = False,
) -> Tensor:
    from stl_nn.gpu.matmul import encode_on_gpu

    return encode_on_gpu(matrix, encode, height, width, depth, _levels_down(gradient), traced=traced)


def _decode_on_gpu(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    rows: int,
    columns: int,
    depth: int = 0,
    gradient: bool = False,
    *,
    traced: bool = False,
) -> Tensor:
    from stl_nn.gpu.matmul import decoded_on_gpu

    levels = _levels_up(gradient)
    return decoded_on_gpu(channels, decode, height, width, rows, columns, depth, levels, traced=traced)


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
def _(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    gradient: bool = False,  # noqa: ARG001
) -> Tensor:
    return matrix.new_empty(whole_rank(encode.shape[0], depth), *whole_tiles(matrix.shape, height, width, depth))


@decode_tiles.register_fake
def _(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int, *levels: Any) -> Tensor:  # noqa: ARG001
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
    channels = encode_tiles(grad, decode.T.contiguous(), n, p, depth, True).to(wide)
    if need_x or need_encode:
        to_encoded = channels.bmm(weight.to(wide).mT)
        if need_x:
            to_x = decode_tiles(to_encoded, encode_x.T.contiguous(), n, m, *x.shape, depth, True).to(x.dtype)
        if need_encode:
            tiles, above = _tiles_and_channels(x, to_encoded, (n, m), depth, True)
            to_encode = _contract(above, tiles, encode_x.dtype)
    if need_weight or need_decode:
        encoded = encode_tiles(x, encode_x, n, m, depth).to(wide)
        if need_weight:
            to_weight = encoded.mT.bmm(channels).to(weight.dtype)
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
    """vec of the tiles (height·width, I, J) of a matrix, and their channels (r, I, J) above so many levels."""
    tiles = unfold_tiles(matrix, *tile)
    return tiles, ascend(channels, depth, _levels_up(gradient), tiles.shape[1:], decode_tiles)


def _contract(left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
    """Σ over all tiles of left (A, I, J) and right (B, I, J), as a matrix (A, B)."""
    return left.flatten(1).to(dtype) @ right.flatten(1).to(dtype).T


encode_tiles.register_autograd(_encode_backward, setup_context=_encode_context)
decode_tiles.register_autograd(_decode_backward, setup_context=_decode_context)
multiply_channels.register_autograd(_multiply_backward, setup_context=_multiply_context)
matmul.register_autograd(_matmul_backward, setup_context=_matmul_context)


@register_flop_formula(torch.ops.stl.encode_tiles)
def encode_flops(
    matrix: Sequence[int], encode: Sequence[int], height: int, width: int, depth: int = 0, *_: Any, **__: Any
) -> int:
    """Two for each coefficient and tile, and so on the way down."""
    rank, sides = encode[0], [tile_count(matrix[0], height), tile_count(matrix[1], width)]
    return 2 * rank * encode[1] * sides[0] * sides[1] + _level_flops(rank, sides, depth)


@register_flop_formula(torch.ops.stl.decode_tiles)
def decode_flops(
    channels: Sequence[int],  # noqa: ARG001
    decode: Sequence[int],
    height: int,
    width: int,
    rows: int,
    columns: int,
    depth: int = 0,
    *_: Any,
    **__: Any,
) -> int:
    """Two for each coefficient and tile, and so on the way up."""
    sides = [tile_count(rows, height), tile_count(columns, width)]
    return 2 * decode[0] * decode[1] * sides[0] * sides[1] + _level_flops(decode[1], sides, depth)


def _level_flops(rank: int, sides: list[int], depth: int) -> int:
    total = 0
    for _ in range(depth):
        rank, sides = rank * RANK, [tile_count(side, SIDE) for side in sides]
        total += 2 * SIDE**2 * rank * sides[0] * sides[1]
    return total


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
    channels, inner, _outer = weight
    transforms = encode_flops(x, encode_x, n, m, depth) + decode_flops(weight, decode, n, p, x[0], out_features, depth)
    return transforms + multiply_flops((channels, tile_count(x[0], n * SIDE**depth), inner), weight)
