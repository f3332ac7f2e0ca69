"""Matrices as tiles: encoding and decoding them by reshape and matmul, channel-major."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def encode_tiles(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    """Apply `encode` (r, height·width) to vec of every height×width tile of a matrix (A, B).

    Returns (r, ⌈A/height⌉, ⌈B/width⌉), channel-major, in the dtype of `encode`; the last tiles of
    a side that is no multiple of the tile are filled with zeros. vec is row-major.

    >>> encode_tiles(torch.arange(6.0).reshape(2, 3), torch.eye(4), 2, 2)[3].tolist()
    [[4.0, 0.0]]
    """
    matrix = pad_to_multiple(matrix.to(encode.dtype), height, width)
    rows, columns = matrix.shape[0] // height, matrix.shape[1] // width
    tiles = matrix.reshape(rows, height, columns, width).permute(1, 3, 0, 2).reshape(height * width, rows * columns)
    return (encode @ tiles).reshape(encode.shape[0], rows, columns)


def decode_tiles(channels: Tensor, decode: Tensor, height: int, width: int) -> Tensor:
    """The matrix whose height×width tiles are `decode` (height·width, r) applied to `channels` (r, I, J).

    Returns (I·height, J·width) in the dtype of `decode`. The adjoint of `encode_tiles`: the two
    with transposed matrices are each other's gradients.

    >>> decode_tiles(torch.ones(1, 1, 2), torch.tensor([[1.0], [2.0]]), 2, 1).tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    rank, rows, columns = channels.shape
    tiles = decode @ channels.to(decode.dtype).reshape(rank, rows * columns)
    return tiles.reshape(height, width, rows, columns).permute(2, 0, 3, 1).reshape(rows * height, columns * width)


def pad_to_multiple(matrix: Tensor, height: int, width: int) -> Tensor:
    """The matrix (A, B) with zero rows and columns appended up to multiples of height and width.

    >>> pad_to_multiple(torch.ones(3, 4), 2, 4).shape
    torch.Size([4, 4])
    """
    below, right = -matrix.shape[0] % height, -matrix.shape[1] % width
    # A compiler's symbolic row count must not be asked whether it divides: always pad there, by zero rows if need be.
    if torch.compiler.is_compiling() or below or right:
        return pad(matrix, (0, right, 0, below))
    return matrix
