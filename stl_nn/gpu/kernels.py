"""Encoding and decoding tiles in Triton.

A program owns BLOCK consecutive tiles of one tile row, as a matrix of n·m positions by BLOCK tiles in registers.
Encoding multiplies it by the encoder from the left, GROUP channels at a time, and decoding goes the other way; each
number is read and written once, channels in runs of BLOCK. Products are in float32, three tf32 products each where
the tensor cores take part: rounding the coefficients themselves would spoil an exact encoder.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# Triton compiles annotations along with the code, so only compile-time constants carry one.

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _entries(tiles, rows, columns, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, POSITIONS: tl.constexpr):
    """(row, column, inside) of the entries at POSITIONS of some tiles of this program's tile row, as rows by tiles."""
    position = tl.arange(0, POSITIONS)[:, None]
    row = tl.program_id(0).to(tl.int64) * HEIGHT + position // WIDTH
    column = tiles[None, :] * WIDTH + position % WIDTH
    return row, column, (position < HEIGHT * WIDTH) & (row < rows) & (column < columns)


@triton.jit
def _channels(tiles, first, rank, tile_columns, channel_stride, GROUP: tl.constexpr):
    """(offset, inside) of GROUP channels from `first` on at some tiles of this program's tile row."""
    channel = (first + tl.arange(0, GROUP))[:, None]
    offset = channel.to(tl.int64) * channel_stride + tl.program_id(0).to(tl.int64) * tile_columns + tiles[None, :]
    return offset, (channel < rank) & (tiles < tile_columns)[None, :]


@triton.jit
def encode_kernel(
    x,
    weights,
    out,
    rows,
    columns,
    tile_columns,
    row_stride,
    channel_stride,
    rank,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    POSITIONS: tl.constexpr,
    BLOCK: tl.constexpr,
    GROUP: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """out[s, i, t] = Σ_a weights[s, a] · vec(tile (i, t) of x)[a] for the BLOCK tiles t of a program.

    `weights` is (r, HEIGHT·WIDTH) filled up with zeros to (a multiple of GROUP, POSITIONS).
    """
    tiles = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    row, column, inside = _entries(tiles, rows, columns, HEIGHT, WIDTH, POSITIONS)
    vectors = tl.load(x + row * row_stride + column, mask=inside, other=0.0).to(tl.float32)
    for first in range(0, rank, GROUP):
        channel = first + tl.arange(0, GROUP)
        w = tl.load(weights + channel[:, None] * POSITIONS + tl.arange(0, POSITIONS)[None, :])
        sums = tl.dot(w, vectors, input_precision=PRECISION)
        offset, keep = _channels(tiles, first, rank, tile_columns, channel_stride, GROUP)
        tl.store(out + offset, sums.to(out.dtype.element_ty), mask=keep)


@triton.jit
def decode_kernel(
    channels,
    weights,
    bias,
    out,
    rows,
    columns,
    tile_columns,
    row_stride,
    channel_stride,
    rank,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    POSITIONS: tl.constexpr,
    BLOCK: tl.constexpr,
    GROUP: tl.constexpr,
    PRECISION: tl.constexpr,
    ACTIVATION: tl.constexpr,
    HAS_BIAS: tl.constexpr,
):
    """vec(tile (i, t) of out)[a] = activation(Σ_s weights[a, s] · channels[s, i, t] + bias), BLOCK tiles a program.

    `weights` is (HEIGHT·WIDTH, r) filled up with zeros to (POSITIONS, a multiple of GROUP).
    """
    tiles = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    padded_rank = tl.cdiv(rank, GROUP) * GROUP
    sums = tl.zeros((POSITIONS, BLOCK), tl.float32)
    for first in range(0, rank, GROUP):
        offset, keep = _channels(tiles, first, rank, tile_columns, channel_stride, GROUP)
        c = tl.load(channels + offset, mask=keep, other=0.0).to(tl.float32)
        channel = first + tl.arange(0, GROUP)
        w = tl.load(weights + tl.arange(0, POSITIONS)[:, None] * padded_rank + channel[None, :])
        sums = tl.dot(w, c, sums, input_precision=PRECISION)
    row, column, inside = _entries(tiles, rows, columns, HEIGHT, WIDTH, POSITIONS)
    if HAS_BIAS:
        sums += tl.load(bias + column, mask=inside, other=0.0).to(tl.float32)
    if ACTIVATION == "relu":
        sums = tl.maximum(sums, 0.0)
    elif ACTIVATION == "silu":
        sums = sums / (1.0 + tl.exp(-sums))
    elif ACTIVATION == "gelu":
        sums = 0.5 * sums * (1.0 + tl.erf(sums * 0.7071067811865476))
    elif ACTIVATION == "gelu_tanh":
        inner = 0.7978845608028654 * (sums + 0.044715 * sums * sums * sums)
        sums = sums / (1.0 + tl.exp(-2.0 * inner))
    tl.store(out + row * row_stride + column, sums.to(out.dtype.element_ty), mask=inside)
