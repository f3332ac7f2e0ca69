"""Matrices as tiles: encoding and decoding them by reshape and matmul, channel-major."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def encode_tiles(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    """Apply a matrix to vec of every tile, vec being row-major.

    Parameters
    ----------
    matrix : Tensor
        (A, B); the last tiles of a side that is no multiple of the tile are filled with zeros.
    encode : Tensor
        (r, height·width).
    height, width : int
        Rows and columns of a tile.

    Returns
    -------
    Tensor
        (r, ⌈A/height⌉, ⌈B/width⌉), channel-major, in the dtype of `encode`.

    Examples
    --------
    >>> encode_tiles(torch.arange(6.0).reshape(2, 3), torch.eye(4), 2, 2)[3].tolist()
    [[4.0, 0.0]]
    """
    tiles = unfold_tiles(matrix.to(encode.dtype), height, width)
    return (encode @ tiles.flatten(1)).reshape(encode.shape[0], *tiles.shape[1:])


def decode_tiles(channels: Tensor, decode: Tensor, height: int, width: int) -> Tensor:
    """The matrix whose tiles are a matrix applied to channels.

    This is the adjoint of `encode_tiles`: the two with transposed matrices are each other's gradients.

    Parameters
    ----------
    channels : Tensor
        (r, I, J).
    decode : Tensor
        (height·width, r).
    height, width : int
        Rows and columns of a tile.

    Returns
    -------
    Tensor
        (I·height, J·width), in the dtype of `decode`.

    Examples
    --------
    >>> decode_tiles(torch.ones(1, 1, 2), torch.tensor([[1.0], [2.0]]), 2, 1).tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    rank, rows, columns = channels.shape
    tiles = decode @ channels.to(decode.dtype).reshape(rank, rows * columns)
    placed = tiles.reshape(height, width, rows, columns).permute(2, 0, 3, 1)
    return placed.clone(memory_format=torch.contiguous_format).view(rows * height, columns * width)


def decode_and_cut(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int) -> Tensor:
    """`decode_tiles`, cut to (rows, columns).

    Parameters
    ----------
    channels, decode : Tensor
        As of `decode_tiles`.
    height, width : int
        As of `decode_tiles`.
    rows, columns : int
        The shape of the result.

    Returns
    -------
    Tensor
        (rows, columns).

    Examples
    --------
    >>> decode_and_cut(torch.ones(1, 1, 2), torch.tensor([[1.0], [2.0]]), 2, 1, 1, 2).tolist()
    [[1.0, 1.0]]
    """
    return decode_tiles(channels, decode, height, width)[:rows, :columns]


def pad_to_multiple(matrix: Tensor, height: int, width: int) -> Tensor:
    """A matrix with zero rows and columns appended, up to multiples of a tile.

    Parameters
    ----------
    matrix : Tensor
        (A, B).
    height, width : int
        Rows and columns of a tile.

    Returns
    -------
    Tensor
        (⌈A/height⌉·height, ⌈B/width⌉·width).

    Examples
    --------
    >>> pad_to_multiple(torch.ones(3, 4), 2, 4).shape
    torch.Size([4, 4])
    """
    below = tile_count(matrix.shape[0], height) * height - matrix.shape[0]
    right = tile_count(matrix.shape[1], width) * width - matrix.shape[1]
    # A compiler's symbolic row count must not be asked whether it divides: always pad there, by zero rows if need be.
    if torch.compiler.is_compiling() or below or right:
        return pad(matrix, (0, right, 0, below))
    return matrix


def tile_count(size: int, step: int) -> int:
    """⌈size / step⌉, without a negative number: exporters differ in how they divide one.

    Parameters
    ----------
    size : int
        The whole.
    step : int
        What it is covered with.

    Returns
    -------
    int
        The number of steps.

    Examples
    --------
    >>> tile_count(9, 4)
    3
    """
    return (size + step - 1) // step


def unfold_tiles(matrix: Tensor, height: int, width: int) -> Tensor:
    """Unfold a matrix to vec of every tile, position-major.

    Parameters
    ----------
    matrix : Tensor
        (A, B).
    height, width : int
        Rows and columns of a tile.

    Returns
    -------
    Tensor
        (height·width, ⌈A/height⌉, ⌈B/width⌉).

    Examples
    --------
    >>> unfold_tiles(torch.arange(4.0).reshape(2, 2), 2, 1)[:, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    rows, columns = tile_count(matrix.shape[0], height), tile_count(matrix.shape[1], width)
    tiles = pad_to_multiple(matrix, height, width).reshape(rows, height, columns, width).permute(1, 3, 0, 2)
    # clone, not reshape: whether a permuted view can be reshaped is one more question to a symbolic row count
    return tiles.clone(memory_format=torch.contiguous_format).view(height * width, rows, columns)
