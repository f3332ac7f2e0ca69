"""Encoding and decoding tiles in float32 or float64, compiled by numba, with levels of another scheme at once.

bfloat16 is read and written as it is and computed with in float32.

Tiles are taken in chunks that stay in the cache: a chunk is split into one vector for each position within the tile,
its channels are linear combinations of these, and decoding goes the other way. Combinations are made of four vectors
for four results at a time, so that sixteen multiplications go with four loads of vectors; matrices are filled up with
zeros to multiples of four (`padded`). If channels are themselves matrices that a scheme with few coefficients
multiplies by tiles (`Terms`), what lies between is never written out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from stl_algebra.compiled import njit
from stl_nn.cpu.bfloat16 import load, store, widened

Array = NDArray[Any]

#: Tiles in a chunk.
CHUNK = 128
#: Channels that are taken at a time below levels of another scheme: all of them would leave the second-level cache.
GROUP = 8

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}


@njit(inline="always", **_OPTIONS)
def _combine(weights: Array, top: int, bottom: int, left: int, right: int, vectors: Array, out: Array) -> None:
    """Combine vectors of length CHUNK: out[s − top] = Σ_a weights[s, a] · vectors[a − left] over the given ranges.

    What is there is added to if left > 0.
    """
    for s in range(top, bottom, 4):
        o0, o1, o2, o3 = out[s - top], out[s - top + 1], out[s - top + 2], out[s - top + 3]
        for a in range(left, right, 4):
            w00, w01, w02, w03 = weights[s, a], weights[s, a + 1], weights[s, a + 2], weights[s, a + 3]
            w10, w11, w12, w13 = weights[s + 1, a], weights[s + 1, a + 1], weights[s + 1, a + 2], weights[s + 1, a + 3]
            w20, w21, w22, w23 = weights[s + 2, a], weights[s + 2, a + 1], weights[s + 2, a + 2], weights[s + 2, a + 3]
            w30, w31, w32, w33 = weights[s + 3, a], weights[s + 3, a + 1], weights[s + 3, a + 2], weights[s + 3, a + 3]
            v0, v1, v2, v3 = vectors[a - left], vectors[a - left + 1], vectors[a - left + 2], vectors[a - left + 3]
            if a == 0:
                for t in range(CHUNK):
                    x0, x1, x2, x3 = v0[t], v1[t], v2[t], v3[t]
                    o0[t] = w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                    o1[t] = w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
                    o2[t] = w20 * x0 + w21 * x1 + w22 * x2 + w23 * x3
                    o3[t] = w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3
            else:
                for t in range(CHUNK):
                    x0, x1, x2, x3 = v0[t], v1[t], v2[t], v3[t]
                    o0[t] += w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                    o1[t] += w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
                    o2[t] += w20 * x0 + w21 * x1 + w22 * x2 + w23 * x3
                    o3[t] += w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3


@njit(inline="always", **_OPTIONS)
def _sum(columns: Array, coefficients: Array, start: int, end: int, vectors: Array, place: int, out: Array) -> None:
    """Sum vectors of length CHUNK: out = Σ coefficients[k] · vectors[columns[k], place] for k from start up to end."""
    for k in range(start, end, 4):
        c0, c1, c2, c3 = coefficients[k], coefficients[k + 1], coefficients[k + 2], coefficients[k + 3]
        v0, v1 = vectors[columns[k], place], vectors[columns[k + 1], place]
        v2, v3 = vectors[columns[k + 2], place], vectors[columns[k + 3], place]
        if k == start:
            for t in range(CHUNK):
                out[t] = c0 * v0[t] + c1 * v1[t] + c2 * v2[t] + c3 * v3[t]
        else:
            for t in range(CHUNK):
                out[t] += c0 * v0[t] + c1 * v1[t] + c2 * v2[t] + c3 * v3[t]


@njit(inline="always", **_OPTIONS)
def _split(row: Array, tiles: int, vectors: Array, first: int, at: int, width: int, stride: int) -> None:
    """Split a row into `tiles` tiles: vectors[first + b, at + t] = row[t·stride + b], b < width; zero from its end."""
    whole = min(tiles, (len(row) - width) // stride + 1) if len(row) >= width else 0
    if width == 4 and stride == 4:  # the common tile: a constant stride is loaded in vectors and shuffled
        v0, v1 = vectors[first, at : at + tiles], vectors[first + 1, at : at + tiles]
        v2, v3 = vectors[first + 2, at : at + tiles], vectors[first + 3, at : at + tiles]
        for t in range(whole):
            v0[t], v1[t], v2[t], v3[t] = row[4 * t], row[4 * t + 1], row[4 * t + 2], row[4 * t + 3]
    else:
        for b in range(width):
            v0 = vectors[first + b, at : at + tiles]
            for t in range(whole):
                v0[t] = row[t * stride + b]
    for t in range(whole, tiles):
        for b in range(width):
            vectors[first + b, at + t] = row[t * stride + b] if t * stride + b < len(row) else 0


@njit(inline="always", **_OPTIONS)
def _join(vectors: Array, tiles: int, first: int, at: int, row: Array, width: int, stride: int) -> None:
    """Join `tiles` tiles to a row, up to its end: row[t·stride + b] = vectors[first + b, at + t], b < width."""
    whole = min(tiles, (len(row) - width) // stride + 1) if len(row) >= width else 0
    if width == 4 and stride == 4:
        v0, v1 = vectors[first, at : at + tiles], vectors[first + 1, at : at + tiles]
        v2, v3 = vectors[first + 2, at : at + tiles], vectors[first + 3, at : at + tiles]
        for t in range(whole):
            row[4 * t], row[4 * t + 1], row[4 * t + 2], row[4 * t + 3] = v0[t], v1[t], v2[t], v3[t]
    else:
        for b in range(width):
            v0 = vectors[first + b, at : at + tiles]
            for t in range(whole):
                row[t * stride + b] = v0[t]
    for t in range(whole, tiles):
        for b in range(width):
            if t * stride + b < len(row):
                row[t * stride + b] = vectors[first + b, at + t]


@njit(inline="always", **_OPTIONS)
def _position(row: int, column: int, depth: int) -> int:
    """The number of a place in a square of 2^depth by 2^depth, ordered level by level."""
    position = 0
    for level in range(depth):
        position |= (row >> level & 1) << (2 * level + 1) | (column >> level & 1) << (2 * level)
    return position


@njit(inline="always", **_OPTIONS)
def _read(
    x: Array, start: int, tiles: int, across: int, height: int, width: int, depth: int, line: Array, vectors: Array
) -> None:
    """Read `tiles` tiles of x from one on: vectors[position, a·width + b] are the entries (a, b) of their squares."""
    high, wide = x.shape
    side = 1 << depth
    at = 0
    while at < tiles:
        i, j = divmod(start + at, across)
        run = min(tiles - at, across - j)
        left = j * side * width
        for a in range(side * height):
            y = i * side * height + a
            row = x[y, left : min(wide, left + run * side * width)] if y < high else x[0, :0]
            row_ = widened(row, line)
            for right in range(side):
                square = vectors[_position(a // height, right, depth)]
                _split(row_[right * width :], run, square, a % height * width, at, width, side * width)
        at += run


@njit(inline="always", **_OPTIONS)
def _write(
    vectors: Array, start: int, tiles: int, across: int, height: int, width: int, depth: int, line: Array, out: Array
) -> None:
    """The way back: write these tiles of out, as far as they lie within it."""
    high, wide = out.shape
    side = 1 << depth
    at = 0
    while at < tiles:
        i, j = divmod(start + at, across)
        run = min(tiles - at, across - j)
        left = j * side * width
        for a in range(min(side * height, high - i * side * height)):
            row = out[i * side * height + a, left : min(wide, left + run * side * width)]
            for right in range(side):
                square, rest = vectors[_position(a // height, right, depth)], line[right * width : len(row)]
                _join(square, run, a % height * width, at, rest, width, side * width)
            store(line[: len(row)], row)
        at += run


@njit(**_OPTIONS)
def encode(
    x: Array,
    weights: Array,
    rank: int,
    height: int,
    width: int,
    depth: int,
    starts: Array,
    columns: Array,
    coefficients: Array,
    across: int,
    begin: int,
    end: int,
    out: Array,
) -> None:
    """Apply weights to the tiles of a matrix, and levels of a scheme to the channels.

    Parameters
    ----------
    x : ndarray
        (A, B), of the dtype of the weights, or uint16: the bits of bfloat16.
    weights : ndarray
        (r, height·width), `padded`.
    rank : int
        r.
    height, width : int
        Rows and columns of a tile.
    depth : int
        The number of levels, d. The scheme multiplies 2 by 2 matrices in s products.
    starts, columns, coefficients : ndarray
        The `Terms` (s^d, 4^d) of the levels.
    across : int
        Tiles side by side. A tile of the last level is 2^d·height by 2^d·width; there are T of them, row by row, and
        what lies outside x is zero.
    begin, end : int
        Chunks of tiles that are done: the work of one thread.
    out : ndarray
        (s^d·r, T), which is filled, of a dtype that x may have.
    """
    positions, products, tiles = 1 << (2 * depth), len(out) // rank, out.shape[1]
    most = GROUP if depth else len(weights)
    line = np.empty(CHUNK * width << depth, weights.dtype)
    vectors = np.zeros((positions, weights.shape[1], CHUNK), weights.dtype)
    channels = np.empty((positions, most, CHUNK), weights.dtype)
    for chunk in range(begin, end):
        start = chunk * CHUNK
        taken = min(CHUNK, tiles - start)
        _read(x, start, taken, across, height, width, depth, line, vectors)
        for first in range(0, rank, most):
            last = min(first + most, len(weights))
            for position in range(positions):
                _combine(weights, first, last, 0, weights.shape[1], vectors[position], channels[position])
            for s in range(first, min(last, rank)):
                for q in range(products):
                    made = channels[0, s - first]
                    if depth:
                        made = line[:CHUNK]
                        _sum(columns, coefficients, starts[q], starts[q + 1], channels, s - first, made)
                    store(made[:taken], out[q * rank + s, start : start + taken])


@njit(parallel=True, **_OPTIONS)
def encode_in_parallel(
    x: Array,
    weights: Array,
    rank: int,
    height: int,
    width: int,
    depth: int,
    starts: Array,
    columns: Array,
    coefficients: Array,
    across: int,
    parts: int,
    chunks: int,
    out: Array,
) -> None:
    """`encode` all of the chunks in parts, each the work of one of numba's threads.

    Parameters
    ----------
    x, weights : ndarray
        As of `encode`.
    rank, height, width, depth : int
        As of `encode`.
    starts, columns, coefficients : ndarray
        As of `encode`.
    across : int
        As of `encode`.
    parts : int
        The number of parts.
    chunks : int
        The number of chunks.
    out : ndarray
        As of `encode`.
    """
    for part in prange(parts):
        begin, end = part * chunks // parts, (part + 1) * chunks // parts
        encode(x, weights, rank, height, width, depth, starts, columns, coefficients, across, begin, end, out)


@njit(**_OPTIONS)
def decode(
    channels: Array,
    weights: Array,
    rank: int,
    height: int,
    width: int,
    depth: int,
    starts: Array,
    columns: Array,
    coefficients: Array,
    across: int,
    begin: int,
    end: int,
    out: Array,
) -> None:
    """Fill the tiles of a matrix from channels: levels of a scheme, then weights.

    What is cut off at the edge of the matrix is left out.

    Parameters
    ----------
    channels : ndarray
        (s^d·r, T), as `encode` writes it.
    weights : ndarray
        (height·width, r), `padded`.
    rank, height, width, depth : int
        As of `encode`.
    starts, columns, coefficients : ndarray
        The `Terms` (4^d, s^d) of the levels.
    across : int
        As of `encode`.
    begin, end : int
        Chunks of tiles that are done: the work of one thread.
    out : ndarray
        (A, B), which is filled, of a dtype that channels may have.
    """
    positions, products, tiles = 1 << (2 * depth), len(channels) // rank, channels.shape[1]
    most = GROUP if depth else weights.shape[1]
    line = np.empty(CHUNK * width << depth, weights.dtype)
    vectors = np.empty((positions, len(weights), CHUNK), weights.dtype)
    group = np.zeros((positions, most, CHUNK), weights.dtype)
    alike = np.zeros((products, 1, CHUNK), weights.dtype)
    for chunk in range(begin, end):
        start = chunk * CHUNK
        taken = min(CHUNK, tiles - start)
        for first in range(0, rank, most):
            last = min(first + most, weights.shape[1])
            # Copied together first: channels lie a power of two apart, and read in place they would evict each
            # other from a set-associative cache.
            for s in range(first, min(last, rank)):
                if depth == 0:
                    load(channels[s, start : start + taken], group[0, s - first, :taken])
                    continue
                for q in range(products):
                    load(channels[q * rank + s, start : start + taken], alike[q, 0, :taken])
                for position in range(positions):
                    stop = starts[position + 1]
                    _sum(columns, coefficients, starts[position], stop, alike, 0, group[position, s - first])
            for position in range(positions):
                _combine(weights, 0, len(weights), first, last, group[position], vectors[position])
        _write(vectors, start, taken, across, height, width, depth, line, out)


@njit(parallel=True, **_OPTIONS)
def decode_in_parallel(
    channels: Array,
    weights: Array,
    rank: int,
    height: int,
    width: int,
    depth: int,
    starts: Array,
    columns: Array,
    coefficients: Array,
    across: int,
    parts: int,
    chunks: int,
    out: Array,
) -> None:
    """`decode` all of the chunks in parts, each the work of one of numba's threads.

    Parameters
    ----------
    channels, weights : ndarray
        As of `decode`.
    rank, height, width, depth : int
        As of `encode`.
    starts, columns, coefficients : ndarray
        As of `decode`.
    across : int
        As of `encode`.
    parts : int
        The number of parts.
    chunks : int
        The number of chunks.
    out : ndarray
        As of `decode`.
    """
    for part in prange(parts):
        begin, end = part * chunks // parts, (part + 1) * chunks // parts
        decode(channels, weights, rank, height, width, depth, starts, columns, coefficients, across, begin, end, out)
