"""Encoding and decoding tiles in float32 or float64, compiled by numba, with levels of another scheme at once.

bfloat16 is read and written as it is and computed with in float32.

Tiles are taken in chunks that stay in the cache: a chunk is split into one vector for each position within the
tile, its channels are linear combinations of these, and decoding goes the other way. Combinations are made of four
vectors for four results at a time, so that sixteen multiplications go with four loads of vectors; matrices are filled
up with zeros to multiples of four (`padded`). Where channels are themselves matrices that a scheme with few
coefficients multiplies by tiles (`Terms`), what lies between is never written out.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from stl_nn.cpu.bfloat16 import load, store, widened

Array = NDArray[Any]

#: Tiles in a chunk.
CHUNK = 128
#: Channels that are taken at a time below levels of another scheme: all of them would leave the second-level cache.
GROUP = 8
#: Results and terms of a combination are multiples of this.
BLOCK = 4

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}


class Terms(NamedTuple):
    """A matrix by its entries other than zero, row after row, with zeros to make multiples of BLOCK of each row's.

    starts        (A + 1,)  where each row begins, and the last one ends
    columns       (entries,)
    coefficients  (entries,)
    """

    starts: Array
    columns: Array
    coefficients: Array


@cache
def terms(matrix: tuple[tuple[float, ...], ...], depth: int, dtype: str) -> Terms:
    """Those of the Kronecker power matrix ⊗ … ⊗ matrix of so many factors; of the 1 for none.

    >>> terms(((1.0, 0.0), (1.0, -1.0)), 1, "float32").coefficients.tolist()
    [1.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0]
    """
    power = np.ones((1, 1))
    for _ in range(depth):
        power = np.kron(power, np.array(matrix))
    rows = [np.flatnonzero(row) for row in power]
    columns = [np.pad(row, (0, -len(row) % BLOCK)) for row in rows]
    coefficients = [np.pad(whole[row], (0, -len(row) % BLOCK)) for whole, row in zip(power, rows, strict=True)]
    starts = np.cumsum([0, *map(len, columns)])
    return Terms(starts, np.concatenate(columns), np.concatenate(coefficients).astype(dtype))


def padded(matrix: Array) -> Array:
    """The matrix, contiguous, with zero rows and columns appended up to multiples of BLOCK.

    >>> padded(np.ones((7, 4))).shape
    (8, 4)
    """
    rows, columns = matrix.shape
    return np.pad(matrix, ((0, -rows % BLOCK), (0, -columns % BLOCK)))


@njit(inline="always", **_OPTIONS)
def _combine(weights: Array, top: int, bottom: int, left: int, right: int, vectors: Array, out: Array) -> None:
    """out[s − top] = Σ_a weights[s, a] · vectors[a − left] over these rows and columns, added up where left > 0.

    On vectors of length CHUNK.
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
    """out = Σ coefficients[k] · vectors[columns[k], place] for k from start up to end, on vectors of length CHUNK."""
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
    """vectors[first + b, at + t] = row[t·stride + b] for so many tiles t and b < width; zero from the row's end on."""
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
    """row[t·stride + b] = vectors[first + b, at + t] for so many tiles t and b < width, up to the end of the row."""
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
    """vectors[position, a·width + b] of so many tiles of x from one on: the entries (a, b) of each of their squares."""
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
    """The way back: these tiles of out, as far as they lie within it."""
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


@njit(parallel=True, **_OPTIONS)
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
    tasks: int,
    out: Array,
) -> None:
    """out (s^d·r, T) = `weights` (r, height·width), `padded`, on the tiles of x, and d levels of a scheme on these.

    The scheme multiplies 2 by 2 matrices in s products, and the three arrays are the `Terms` (s^d, 4^d) of its levels.
    A tile of the last is 2^d·height by 2^d·width; there are T of them, `across` side by side, row by row, and what
    lies outside x is zero. x and out are of the dtype of the weights, or uint16: the bits of bfloat16. The work is cut
    into so many tasks at most.
    """
    positions, products, tiles = 1 << (2 * depth), len(out) // rank, out.shape[1]
    chunks, most = -(-tiles // CHUNK), GROUP if depth else len(weights)
    tasks = min(tasks, chunks)
    for task in prange(tasks):
        line = np.empty(CHUNK * width << depth, weights.dtype)
        vectors = np.zeros((positions, weights.shape[1], CHUNK), weights.dtype)
        channels = np.empty((positions, most, CHUNK), weights.dtype)
        for chunk in range(task * chunks // tasks, (task + 1) * chunks // tasks):
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
    tasks: int,
    out: Array,
) -> None:
    """The tiles of out (A, B) from `channels` (s^d·r, T): d levels of a scheme, then `weights` (height·width, r).

    What is cut off at out's edge is left out. The three arrays are the `Terms` (4^d, s^d) of the levels. All else is
    as in `encode`.
    """
    positions, products, tiles = 1 << (2 * depth), len(channels) // rank, channels.shape[1]
    chunks, most = -(-tiles // CHUNK), GROUP if depth else weights.shape[1]
    tasks = min(tasks, chunks)
    for task in prange(tasks):
        line = np.empty(CHUNK * width << depth, weights.dtype)
        vectors = np.empty((positions, len(weights), CHUNK), weights.dtype)
        group = np.zeros((positions, most, CHUNK), weights.dtype)
        alike = np.zeros((products, 1, CHUNK), weights.dtype)
        for chunk in range(task * chunks // tasks, (task + 1) * chunks // tasks):
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
                        end = starts[position + 1]
                        _sum(columns, coefficients, starts[position], end, alike, 0, group[position, s - first])
                for position in range(positions):
                    _combine(weights, 0, len(weights), first, last, group[position], vectors[position])
            _write(vectors, start, taken, across, height, width, depth, line, out)
