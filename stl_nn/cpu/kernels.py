"""Encoding and decoding tiles in float32 or float64, compiled by numba, parallel over tile rows.

bfloat16 is read and written as it is and computed with in float32.

A row of tiles is taken in chunks that stay in the first-level cache: a chunk is split into one vector for each
position within the tile, its channels are linear combinations of these, and decoding goes the other way.
Combinations are made of four vectors for four results at a time, so that sixteen multiplications go with four
loads of vectors; matrices are filled up with zeros to multiples of four (`padded`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from stl_nn.cpu.bfloat16 import load, store, widened

Array = NDArray[Any]

#: Tiles in a chunk: 64 channels of 128 float32 are 32 KB.
CHUNK = 128
#: Results and terms of a combination are multiples of this.
BLOCK = 4

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": {"contract", "nsz"}, "error_model": "numpy"}


def padded(matrix: Array) -> Array:
    """The matrix, contiguous, with zero rows and columns appended up to multiples of BLOCK.

    >>> padded(np.ones((7, 4))).shape
    (8, 4)
    """
    rows, columns = matrix.shape
    return np.pad(matrix, ((0, -rows % BLOCK), (0, -columns % BLOCK)))


@njit(inline="always", **_OPTIONS)
def _combine(weights: Array, vectors: Array, out: Array) -> None:
    """out[s] = Σ_a weights[s, a] · vectors[a], on vectors of length CHUNK."""
    for s in range(0, weights.shape[0], 4):
        for a in range(0, weights.shape[1], 4):
            w00, w01, w02, w03 = weights[s, a], weights[s, a + 1], weights[s, a + 2], weights[s, a + 3]
            w10, w11, w12, w13 = weights[s + 1, a], weights[s + 1, a + 1], weights[s + 1, a + 2], weights[s + 1, a + 3]
            w20, w21, w22, w23 = weights[s + 2, a], weights[s + 2, a + 1], weights[s + 2, a + 2], weights[s + 2, a + 3]
            w30, w31, w32, w33 = weights[s + 3, a], weights[s + 3, a + 1], weights[s + 3, a + 2], weights[s + 3, a + 3]
            if a == 0:
                for t in range(CHUNK):
                    x0, x1, x2, x3 = vectors[a, t], vectors[a + 1, t], vectors[a + 2, t], vectors[a + 3, t]
                    out[s, t] = w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                    out[s + 1, t] = w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
                    out[s + 2, t] = w20 * x0 + w21 * x1 + w22 * x2 + w23 * x3
                    out[s + 3, t] = w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3
            else:
                for t in range(CHUNK):
                    x0, x1, x2, x3 = vectors[a, t], vectors[a + 1, t], vectors[a + 2, t], vectors[a + 3, t]
                    out[s, t] += w00 * x0 + w01 * x1 + w02 * x2 + w03 * x3
                    out[s + 1, t] += w10 * x0 + w11 * x1 + w12 * x2 + w13 * x3
                    out[s + 2, t] += w20 * x0 + w21 * x1 + w22 * x2 + w23 * x3
                    out[s + 3, t] += w30 * x0 + w31 * x1 + w32 * x2 + w33 * x3


@njit(inline="always", **_OPTIONS)
def _split(row: Array, vectors: Array, width: int) -> None:
    """vectors[b, t] = row[t·width + b] for whole tiles, zero from the end of the row on."""
    whole = len(row) // width
    if width == 4:  # the common tile: a constant stride is loaded in vectors and shuffled
        for t in range(whole):
            vectors[0, t], vectors[1, t] = row[4 * t], row[4 * t + 1]
            vectors[2, t], vectors[3, t] = row[4 * t + 2], row[4 * t + 3]
    else:
        for b in range(width):
            for t in range(whole):
                vectors[b, t] = row[t * width + b]
    for b in range(width):
        vectors[b, whole:] = 0
        if whole * width + b < len(row):
            vectors[b, whole] = row[whole * width + b]


@njit(inline="always", **_OPTIONS)
def _join(vectors: Array, row: Array, width: int) -> None:
    """row[t·width + b] = vectors[b, t] up to the end of the row."""
    whole = len(row) // width
    if width == 4:
        for t in range(whole):
            row[4 * t], row[4 * t + 1] = vectors[0, t], vectors[1, t]
            row[4 * t + 2], row[4 * t + 3] = vectors[2, t], vectors[3, t]
    else:
        for b in range(width):
            for t in range(whole):
                row[t * width + b] = vectors[b, t]
    for b in range(len(row) - whole * width):
        row[whole * width + b] = vectors[b, whole]


@njit(parallel=True, **_OPTIONS)
def encode(x: Array, weights: Array, height: int, width: int, out: Array) -> None:
    """out (r, I, J) = `weights` (r, height·width), `padded`, on the tiles of x (A, B).

    I = ⌈A/height⌉ and J = ⌈B/width⌉: what lies outside x is zero. x and out are of the dtype of the weights, or
    uint16: the bits of bfloat16.
    """
    rows, columns = x.shape
    rank, tile_rows, tile_columns = out.shape
    for i in prange(tile_rows):
        wide = np.empty(CHUNK * width, weights.dtype)
        vectors = np.zeros((weights.shape[1], CHUNK), weights.dtype)
        channels = np.empty((weights.shape[0], CHUNK), weights.dtype)
        for start in range(0, tile_columns, CHUNK):
            taken = min(CHUNK, tile_columns - start)
            for a in range(min(height, rows - i * height)):
                row = x[i * height + a, start * width : min(columns, (start + taken) * width)]
                _split(widened(row, wide), vectors[a * width : (a + 1) * width], width)
            _combine(weights, vectors, channels)
            for s in range(rank):
                store(channels[s, :taken], out[s, i, start : start + taken])


@njit(parallel=True, **_OPTIONS)
def decode(channels: Array, weights: Array, height: int, width: int, out: Array) -> None:
    """The tiles of out (A, B) = `weights` (height·width, r), `padded`, on `channels` (r, I, J), cut off at out's edge.

    A chunk of all channels is first copied together: they lie a power of two apart, and read in place they
    would evict each other from a set-associative cache. Dtypes as in `encode`.
    """
    rows, columns = out.shape
    rank, tile_rows, tile_columns = channels.shape
    for i in prange(tile_rows):
        wide = np.empty(CHUNK * width, weights.dtype)
        chunk = np.zeros((weights.shape[1], CHUNK), weights.dtype)
        vectors = np.empty((weights.shape[0], CHUNK), weights.dtype)
        for start in range(0, tile_columns, CHUNK):
            taken = min(CHUNK, tile_columns - start)
            for s in range(rank):
                load(channels[s, i, start : start + taken], chunk[s, :taken])
            _combine(weights, chunk, vectors)
            for a in range(min(height, rows - i * height)):
                row = out[i * height + a, start * width : min(columns, (start + taken) * width)]
                _join(vectors[a * width : (a + 1) * width], wide[: len(row)], width)
                store(wide[: len(row)], row)
