"""How many operations the operators take, from the shapes of their operands: for torch.utils.flop_counter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stl_nn.recursion import RANK, SIDE
from stl_nn.tiling import tile_count


def encode_flops(
    matrix: Sequence[int], encode: Sequence[int], height: int, width: int, depth: int = 0, *_: Any, **__: Any
) -> int:
    """The operations of `encode_tiles`: two for each coefficient and tile, and so on the way down.

    Parameters
    ----------
    matrix, encode : sequence of int
        Shapes of the operands.
    height, width, depth : int
        As of the operator.
    *_, **__
        Not needed.

    Returns
    -------
    int
        The number of operations.
    """
    rank, sides = encode[0], [tile_count(matrix[0], height), tile_count(matrix[1], width)]
    return 2 * rank * encode[1] * sides[0] * sides[1] + _level_flops(rank, sides, depth)


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
    """The operations of `decode_tiles`: two for each coefficient and tile, and so on the way up.

    Parameters
    ----------
    channels, decode : sequence of int
        Shapes of the operands.
    height, width, rows, columns, depth : int
        As of the operator.
    *_, **__
        Not needed.

    Returns
    -------
    int
        The number of operations.
    """
    sides = [tile_count(rows, height), tile_count(columns, width)]
    return 2 * decode[0] * decode[1] * sides[0] * sides[1] + _level_flops(decode[1], sides, depth)


def _level_flops(rank: int, sides: list[int], depth: int) -> int:
    total = 0
    for _ in range(depth):
        rank, sides = rank * RANK, [tile_count(side, SIDE) for side in sides]
        total += 2 * SIDE**2 * rank * sides[0] * sides[1]
    return total


def multiply_flops(encoded_x: Sequence[int], encoded_weight: Sequence[int], *_: Any, **__: Any) -> int:
    """The operations of `multiply_channels`: two for each scalar product.

    Parameters
    ----------
    encoded_x, encoded_weight : sequence of int
        Shapes of the operands.
    *_, **__
        Not needed.

    Returns
    -------
    int
        The number of operations.
    """
    rank, tile_rows, inner = encoded_x
    return 2 * rank * tile_rows * inner * encoded_weight[2]


def matmul_flops(
    x: Sequence[int],
    weight: Sequence[int],
    encode_x: Sequence[int],
    decode: Sequence[int],
    bias: Any,  # noqa: ARG001
    format: Sequence[int],
    out_features: int,
    activation: str,  # noqa: ARG001
    reduced_channels: bool = False,  # noqa: ARG001
    depth: int = 0,
    **_: Any,
) -> int:
    """The operations of `matmul`: encoding X, the products of channels, and decoding Y, the levels of either included.

    Parameters
    ----------
    x, weight, encode_x, decode : sequence of int
        Shapes of the operands.
    bias : object
        As of the operator.
    format : sequence of int
        As of the operator.
    out_features : int
        As of the operator.
    activation : str
        As of the operator.
    reduced_channels : bool
        As of the operator.
    depth : int
        As of the operator.
    **_
        Not needed.

    Returns
    -------
    int
        The number of operations.
    """
    n, m, p = format
    channels, inner, _outer = weight
    transforms = encode_flops(x, encode_x, n, m, depth) + decode_flops(weight, decode, n, p, x[0], out_features, depth)
    return transforms + multiply_flops((channels, tile_count(x[0], n * SIDE**depth), inner), weight)
