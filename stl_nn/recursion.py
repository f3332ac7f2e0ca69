"""Channel products by Strassen's scheme: the r products of matrices of a layer are themselves done by tiles.

A channel of an encoder ⟨n,m,p⟩:r is a plain product of matrices, (M/n × K/m)·(K/m × N/p), to which any exact scheme
applies. One level of Strassen's makes of them 7r products of half the sides. Together that is the composed encoder
`kronecker(strassen(), encoder)` of ⟨2n,2m,2p⟩:7r, at 7/8 of the multiplications and with the same relative error.
Carried out in turn, encoding takes r·n·m coefficients and a few additions a tile instead of 7r·4n·m.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from stl_algebra import Format, TileEncoder, strassen
from stl_nn.tiling import decode_and_cut, encode_tiles, tile_count

#: The sides and the rank of Strassen's scheme: a level has tiles of SIDE and turns one channel into RANK.
SIDE, RANK = 2, 7

Matrix = Sequence[Sequence[float]]
Encode = Callable[[Tensor, Tensor, int, int], Tensor]
Decode = Callable[[Tensor, Tensor, int, int, int, int], Tensor]

#: Its E_X (7, 4), E_W (7, 4) and D (4, 7).
ENCODE_X: Matrix = strassen().encode_x.tolist()
ENCODE_W: Matrix = strassen().encode_w.tolist()
DECODE: Matrix = strassen().decode.tolist()


def composed_tile(format: Format, depth: int) -> Format:
    """The format of an encoder composed with levels of Strassen's scheme.

    Parameters
    ----------
    format : Format
        Of the encoder, ⟨n,m,p⟩.
    depth : int
        The number of levels, d.

    Returns
    -------
    Format
        ⟨2^d n, 2^d m, 2^d p⟩.

    Examples
    --------
    >>> str(composed_tile(Format(4, 4, 4), 1))
    '8x8x8'
    """
    return Format(*(side * SIDE**depth for side in format))


def composed_rank(rank: int, depth: int) -> int:
    """The rank of an encoder composed with levels of Strassen's scheme.

    Parameters
    ----------
    rank : int
        Of the encoder, r.
    depth : int
        The number of levels, d.

    Returns
    -------
    int
        r·7^d.

    Examples
    --------
    >>> composed_rank(35, 1)
    245
    """
    return rank * RANK**depth


def composed_tiles(shape: Sequence[int], height: int, width: int, depth: int) -> tuple[int, int]:
    """The number of composed tiles that cover a matrix, below one another and side by side.

    Parameters
    ----------
    shape : sequence of int
        Of the matrix, (A, B).
    height, width : int
        Rows and columns of a tile of the encoder.
    depth : int
        The number of levels, d; a composed tile is 2^d·height by 2^d·width.

    Returns
    -------
    tuple of int
        Tiles below one another and side by side.

    Examples
    --------
    >>> composed_tiles((9, 20), 2, 3, depth=1)
    (3, 4)
    """
    return tile_count(shape[0], height * SIDE**depth), tile_count(shape[1], width * SIDE**depth)


def composed_ratio(encoder: TileEncoder, depth: int) -> float:
    """The share of a product's multiplications that a composed encoder takes.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    depth : int
        The number of levels of Strassen's scheme.

    Returns
    -------
    float
        The share.

    Examples
    --------
    >>> composed_ratio(strassen(), 1) == (7 / 8) ** 2
    True
    """
    return composed_rank(encoder.rank, depth) / composed_tile(encoder.format, depth).products


def encode_levels(
    channels: Tensor, depth: int, coefficients: Matrix, tiles: tuple[int, int], encode: Encode = encode_tiles
) -> Tensor:
    """Encode channels by Strassen's scheme, level after level.

    Parameters
    ----------
    channels : Tensor
        (r, A, B).
    depth : int
        The number of levels, d.
    coefficients : sequence of sequence of float
        (7, 4): ENCODE_X or ENCODE_W, or for a gradient DECODE transposed.
    tiles : tuple
        (⌈A/2^d⌉, ⌈B/2^d⌉), which the channels are filled up to with zeros. The caller gives them, because a compiler
        could not follow quotients of quotients.
    encode : Encode
        A function that encodes as `stl_nn.tiling.encode_tiles` does.

    Returns
    -------
    Tensor
        (r·7^d, *tiles).

    Examples
    --------
    >>> encode_levels(torch.ones(3, 4, 5), 1, ENCODE_X, (2, 3)).shape
    torch.Size([21, 2, 3])
    """
    if not depth:
        return channels
    rank, rows, columns = channels.shape
    high, wide = (side * SIDE**depth for side in tiles)
    if torch.compiler.is_compiling() or rows != high or columns != wide:
        channels = pad(channels, (0, wide - columns, 0, high - rows))
    for left in reversed(range(depth)):
        high, wide = (side * SIDE**left for side in tiles)
        tall = channels.reshape(rank * high * SIDE, wide * SIDE)
        rank *= RANK
        channels = encode(tall, _tensor(coefficients, channels), SIDE, SIDE).reshape(rank, high, wide)
    return channels


def decode_levels(
    channels: Tensor, depth: int, coefficients: Matrix, shape: Sequence[int], decode: Decode = decode_and_cut
) -> Tensor:
    """Decode channels by Strassen's scheme, level after level: the way back of `encode_levels`.

    Parameters
    ----------
    channels : Tensor
        (r·7^d, I, J): products, or encoded weights with a left inverse as coefficients.
    depth : int
        The number of levels, d.
    coefficients : sequence of sequence of float
        (4, 7): DECODE, or for a gradient ENCODE_X transposed.
    shape : sequence of int
        The sides of the result, which is cut off where `encode_levels` filled up.
    decode : Decode
        A function that decodes as `stl_nn.tiling.decode_and_cut` does.

    Returns
    -------
    Tensor
        (r, *shape).

    Examples
    --------
    >>> channels = torch.rand(3, 5, 4, dtype=torch.float64)
    >>> back, encoded = torch.linalg.pinv(torch.tensor(ENCODE_W)).tolist(), encode_levels(channels, 2, ENCODE_W, (2, 1))
    >>> bool(torch.allclose(decode_levels(encoded, 2, back, (5, 4)), channels, atol=1e-5))
    True
    """
    for _ in range(depth):
        rank, high, wide = channels.shape[0] // RANK, *channels.shape[1:]
        stacked, factor = channels.reshape(RANK, rank * high, wide), _tensor(coefficients, channels)
        tall = decode(stacked, factor, SIDE, SIDE, rank * high * SIDE, wide * SIDE)
        channels = tall.reshape(rank, high * SIDE, wide * SIDE)
    # Not slices: torch.autograd.grad(is_grads_batched=True) has no rule for the whole of the first axis.
    return channels.narrow(1, 0, shape[0]).narrow(2, 0, shape[1]) if depth else channels


def levels_down(gradient: bool) -> Matrix:
    """The coefficients (7, 4) of a level that encodes: E_X, or for gradients of Y the transpose of D.

    Parameters
    ----------
    gradient : bool
        Whether gradients of Y are encoded rather than X.

    Returns
    -------
    Matrix
        (7, 4).

    Examples
    --------
    >>> levels_down(False) == ENCODE_X
    True
    """
    return transposed(DECODE) if gradient else ENCODE_X


def levels_up(gradient: bool) -> Matrix:
    """The coefficients (4, 7) of a level that decodes: D, or for gradients of an encoded X the transpose of E_X.

    Parameters
    ----------
    gradient : bool
        Whether gradients of an encoded X are decoded rather than products.

    Returns
    -------
    Matrix
        (4, 7).

    Examples
    --------
    >>> levels_up(False) == DECODE
    True
    """
    return transposed(ENCODE_X) if gradient else DECODE


def transposed(coefficients: Matrix) -> Matrix:
    """The transpose of a matrix of plain numbers.

    Parameters
    ----------
    coefficients : Matrix
        The matrix.

    Returns
    -------
    Matrix
        The transpose.

    Examples
    --------
    >>> transposed([[1.0, 2.0]])
    [[1.0], [2.0]]
    """
    return [list(row) for row in zip(*coefficients, strict=True)]


def _tensor(coefficients: Matrix, beside: Tensor) -> Tensor:
    wide = torch.float64 if beside.dtype == torch.float64 else torch.float32
    return torch.tensor(coefficients, dtype=wide, device=beside.device)
