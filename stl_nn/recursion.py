"""Channel products by Strassen's scheme: the r products of matrices of a layer are themselves done by tiles.

A channel of an encoder ⟨n,m,p⟩:r is a plain product of matrices, (M/n × K/m)·(K/m × N/p), to which any exact scheme
applies. One level of Strassen's makes of them 7r products of half the sides: together the encoder
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


def whole_tile(format: Format, depth: int) -> Format:
    """The format of an encoder with channels multiplied by so many levels of Strassen's scheme.

    >>> str(whole_tile(Format(4, 4, 4), 1))
    '8x8x8'
    """
    return Format(*(side * SIDE**depth for side in format))


def whole_rank(rank: int, depth: int) -> int:
    """The rank of an encoder with channels multiplied by so many levels of Strassen's scheme.

    >>> whole_rank(35, 1)
    245
    """
    return rank * RANK**depth


def whole_tiles(shape: Sequence[int], height: int, width: int, depth: int) -> tuple[int, int]:
    """How many tiles of 2^d·height by 2^d·width it takes to cover a matrix (A, B), below one another and side by side.

    >>> whole_tiles((9, 20), 2, 3, depth=1)
    (3, 4)
    """
    return tile_count(shape[0], height * SIDE**depth), tile_count(shape[1], width * SIDE**depth)


def whole_ratio(encoder: TileEncoder, depth: int) -> float:
    """The share of a product's multiplications that it takes then.

    >>> whole_ratio(strassen(), 1) == (7 / 8) ** 2
    True
    """
    return whole_rank(encoder.rank, depth) / whole_tile(encoder.format, depth).products


def descend(
    channels: Tensor, depth: int, coefficients: Matrix, tiles: tuple[int, int], encode: Encode = encode_tiles
) -> Tensor:
    """Channels (r, A, B) through Strassen's scheme so many times: (r·7^d, *tiles).

    coefficients  (7, 4): ENCODE_X or ENCODE_W, or for a gradient DECODE transposed
    tiles         (⌈A/2^d⌉, ⌈B/2^d⌉), which the channels are filled up to with zeros; the caller knows them, and a
                  compiler could not follow quotients of quotients
    encode        as `stl_nn.tiling.encode_tiles`

    >>> descend(torch.ones(3, 4, 5), 1, ENCODE_X, (2, 3)).shape
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


def ascend(
    channels: Tensor, depth: int, coefficients: Matrix, shape: Sequence[int], decode: Decode = decode_and_cut
) -> Tensor:
    """The way back, for products or with a left inverse: (r·7^d, I, J) to (r, *shape), cut off where it was filled up.

    coefficients  (4, 7): DECODE, or for a gradient ENCODE_X transposed
    decode        as `stl_nn.tiling.decode_and_cut`

    >>> channels = torch.rand(3, 5, 4, dtype=torch.float64)
    >>> back = torch.linalg.pinv(torch.tensor(ENCODE_W)).tolist()
    >>> bool(torch.allclose(ascend(descend(channels, 2, ENCODE_W, (2, 1)), 2, back, (5, 4)), channels, atol=1e-5))
    True
    """
    for _ in range(depth):
        rank, high, wide = channels.shape[0] // RANK, *channels.shape[1:]
        stacked, factor = channels.reshape(RANK, rank * high, wide), _tensor(coefficients, channels)
        tall = decode(stacked, factor, SIDE, SIDE, rank * high * SIDE, wide * SIDE)
        channels = tall.reshape(rank, high * SIDE, wide * SIDE)
    return channels[:, : shape[0], : shape[1]] if depth else channels


def transposed(coefficients: Matrix) -> Matrix:
    """The transpose.

    >>> transposed([[1.0, 2.0]])
    [[1.0], [2.0]]
    """
    return [list(row) for row in zip(*coefficients, strict=True)]


def _tensor(coefficients: Matrix, beside: Tensor) -> Tensor:
    wide = torch.float64 if beside.dtype == torch.float64 else torch.float32
    return torch.tensor(coefficients, dtype=wide, device=beside.device)
