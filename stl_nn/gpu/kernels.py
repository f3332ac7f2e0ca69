"""Encoding and decoding tiles in Triton.

A program owns BLOCK consecutive tiles of one tile row: it reads HEIGHT runs of BLOCK·WIDTH numbers of the matrix, in
vectors of 16 bytes, and writes a run of BLOCK numbers to every channel, GROUP channels at a time; decoding goes the
other way. Each number is read and written once, and neighbouring programs own neighbouring tiles.

Both are to run at the bandwidth of memory. ⟨4,4,4⟩:32 takes 2·32·16 operations for the 96 bytes a tile has in
bfloat16: at 4.3 TB/s, 46 Tflop/s. FMA units (67 on an H100 or H200) would be two thirds busy with that alone, besides
unpacking every operand, so tensor cores do it, and they take precision in parts:

* operands of 16 bits are exact, and the coefficients are a sum of two such numbers. Two products in bfloat16 keep 16
  bits of a coefficient, 256 times finer than the result is rounded to: 92 of about 600 Tflop/s that mma.sync reaches.
* operands in float32 take three products in tf32, of 21 bits: half the tiles a second at the same bandwidth, so 69 of
  about 300 Tflop/s. bfloat16 would need six products to keep as much.

Rounding the coefficients to one part would spoil an exact encoder.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# Triton compiles annotations along with the code, so only compile-time constants carry one.

from __future__ import annotations

import triton
import triton.language as tl

#: Channels a program takes at a time. Two groups of 32 hold rank 49 in registers; a group of 64 would be multiplied by
#: warpgroups, which take its operands through shared memory and twice the registers, half of it zeros at rank 32.
GROUP = 32

#: Launches that compile for sm_90 without spilling, for every precision up to rank 64 of ⟨4,4,4⟩: enough warps on a
#: processor to hide latency, in runs of 256 bytes or longer. The first is taken if nothing can be timed.
LAUNCHES = [
    triton.Config({"BLOCK": 128}, num_warps=4, num_stages=2),
    triton.Config({"BLOCK": 256}, num_warps=8, num_stages=2),
    triton.Config({"BLOCK": 128}, num_warps=8, num_stages=2),
]

#: What the fastest launch depends on, besides the dtypes, which triton.autotune adds.
KEY = ["HEIGHT", "WIDTH", "GROUPS", "breadth"]

# What was found is kept on disk beside the compiled kernels, so that a machine tunes a kernel once.
tuned = triton.autotune(
    configs=LAUNCHES[:1] if triton.knobs.runtime.interpret else LAUNCHES, key=KEY, cache_results=True
)


@triton.jit
def _first_tile(tile_columns, BLOCK: tl.constexpr):
    """(tile row, first tile in it) of a program; programs go along tile rows, as memory does."""
    strips = tl.cdiv(tile_columns, BLOCK)
    return (tl.program_id(0) // strips).to(tl.int64), (tl.program_id(0) % strips) * BLOCK


@triton.jit
def _entries(
    first_row,
    first,
    rows,
    columns,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    POSITIONS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """(row, column, inside) of the entries of BLOCK tiles.

    They are HEIGHT by BLOCK·WIDTH as they lie in memory; for a tile that has to be filled up POSITIONS by BLOCK.
    """
    if HEIGHT * WIDTH == POSITIONS:
        row = first_row + tl.arange(0, HEIGHT)[:, None]
        column = first * WIDTH + tl.arange(0, BLOCK * WIDTH)[None, :]
        inside = (row < rows) & (column < columns)
    else:
        position = tl.arange(0, POSITIONS)[:, None]
        row = first_row + position // WIDTH
        column = (first + tl.arange(0, BLOCK)[None, :]) * WIDTH + position % WIDTH
        inside = (position < HEIGHT * WIDTH) & (row < rows) & (column < columns)
    return row, column, inside


@triton.jit
def _channels(tile_row, first, group, rank, tile_columns, channel_stride, GROUP: tl.constexpr, BLOCK: tl.constexpr):
    """(offset, inside) of a group of channels at the BLOCK tiles of a program."""
    channel = group * GROUP + tl.arange(0, GROUP)[:, None]
    tiles = first + tl.arange(0, BLOCK)[None, :]
    offset = channel.to(tl.int64) * channel_stride + tile_row * tile_columns + tiles
    return offset, (channel < rank) & (tiles < tile_columns)


@triton.jit
def _product(w, operand, sums, PRECISION: tl.constexpr):
    """Add: sums + w · operand, `w` in float32; see above."""
    if PRECISION == "parts":
        high = w.to(operand.dtype)
        low = (w - high.to(tl.float32)).to(operand.dtype)
        sums = tl.dot(high, operand, tl.dot(low, operand, sums))
    else:
        sums = tl.dot(w, operand.to(tl.float32), sums, input_precision=PRECISION)
    return sums


@tuned
@triton.jit(do_not_specialize=["rank", "breadth"])
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
    breadth,  # noqa: ARG001 - for the autotuner
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    POSITIONS: tl.constexpr,
    GROUPS: tl.constexpr,
    GROUP: tl.constexpr,
    PRECISION: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """out[s, i, t] = Σ_a weights[s, a] · vec(tile (i, t) of x)[a] for the BLOCK tiles t of a program.

    Parameters
    ----------
    weights
        (rank, HEIGHT·WIDTH) in float32; GROUPS groups of GROUP hold the rank.
    POSITIONS : tl.constexpr
        HEIGHT·WIDTH, filled up to a power of two that a tensor core takes.
    breadth
        Tells the autotuner how many tiles a row has.
    """
    tile_row, first = _first_tile(tile_columns, BLOCK)
    row, column, inside = _entries(tile_row * HEIGHT, first, rows, columns, HEIGHT, WIDTH, POSITIONS, BLOCK)
    # Whole panels of encoded operands are to stay in the cache, not what they were made of.
    vectors = tl.load(x + row * row_stride + column, mask=inside, other=0.0, eviction_policy="evict_first")
    if HEIGHT * WIDTH == POSITIONS:
        vectors = vectors.reshape(HEIGHT, BLOCK, WIDTH).permute(0, 2, 1).reshape(POSITIONS, BLOCK)
    position = tl.arange(0, POSITIONS)[None, :]
    # Not unrolled: tiles of 8×8 would spill.
    for group in tl.range(GROUPS, num_stages=1):
        channel = group * GROUP + tl.arange(0, GROUP)[:, None]
        known = (channel < rank) & (position < HEIGHT * WIDTH)
        w = tl.load(weights + channel * (HEIGHT * WIDTH) + position, mask=known, other=0.0)
        sums = _product(w, vectors, tl.zeros((GROUP, BLOCK), tl.float32), PRECISION)
        offset, keep = _channels(tile_row, first, group, rank, tile_columns, channel_stride, GROUP, BLOCK)
        tl.store(out + offset, sums.to(out.dtype.element_ty), mask=keep)


@tuned
@triton.jit(do_not_specialize=["start", "rank", "breadth"])
def decode_kernel(
    channels,
    weights,
    bias,
    out,
    start,
    rows,
    columns,
    tile_columns,
    row_stride,
    channel_stride,
    rank,
    breadth,  # noqa: ARG001 - for the autotuner
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
    POSITIONS: tl.constexpr,
    GROUPS: tl.constexpr,
    GROUP: tl.constexpr,
    PRECISION: tl.constexpr,
    ACTIVATION: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """vec(tile (i, t) of out)[a] = activation(Σ_s weights[a, s] · channels[s, i, t] + bias), BLOCK tiles a program.

    Parameters
    ----------
    weights
        (HEIGHT·WIDTH, rank) in float32; the rest as in `encode_kernel`.
    start
        The row of `out` that the first tile row begins at; `rows` counts from the top of `out`.
    """
    tile_row, first = _first_tile(tile_columns, BLOCK)
    position = tl.arange(0, POSITIONS)[:, None]
    sums = tl.zeros((POSITIONS, BLOCK), tl.float32)
    # Not unrolled: all groups of a rank at once would take half as many registers again.
    for group in range(GROUPS):
        offset, keep = _channels(tile_row, first, group, rank, tile_columns, channel_stride, GROUP, BLOCK)
        c = tl.load(channels + offset, mask=keep, other=0.0)
        channel = group * GROUP + tl.arange(0, GROUP)[None, :]
        known = (channel < rank) & (position < HEIGHT * WIDTH)
        w = tl.load(weights + position * rank + channel, mask=known, other=0.0)
        sums = _product(w, c, sums, PRECISION)
    if HEIGHT * WIDTH == POSITIONS:
        sums = sums.reshape(HEIGHT, WIDTH, BLOCK).permute(0, 2, 1).reshape(HEIGHT, BLOCK * WIDTH)
    row, column, inside = _entries(start + tile_row * HEIGHT, first, rows, columns, HEIGHT, WIDTH, POSITIONS, BLOCK)
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
