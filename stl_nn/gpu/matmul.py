"""The STL operator on CUDA: Triton encoding, torch.bmm, Triton decoding with bias and activation, by panels of rows."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor

from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.recursion import DECODE, composed_tiles, decode_levels, encode_levels, levels_down, levels_up
from stl_nn.reduced import use_reduced
from stl_nn.tiling import tile_count

#: Tile rows below which reading the encoded weight again for every panel costs more than staying in the cache saves:
#: about the ratio of bf16 arithmetic to bandwidth of a data-centre GPU, in multiplications a number.
LEAST_TILE_ROWS = 256

#: Tiles in a row from which on the fastest launch may be another one.
BREADTHS = (128, 256, 512, 1024)


def encode_on_gpu(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    gradient: bool = False,
    *,
    traced: bool = False,
) -> Tensor:
    """`stl_nn.tiling.encode_tiles`, rounded to the dtype of the matrix once, then levels of Strassen's scheme.

    Parameters
    ----------
    matrix, encode : Tensor
        As of `stl_nn.tiling.encode_tiles`.
    height, width : int
        As of `stl_nn.tiling.encode_tiles`.
    depth : int
        The number of levels; each rounds once more.
    gradient : bool
        Which levels they are, see `stl_nn.recursion.levels_down`.
    traced : bool
        Whether a compiler follows the call, see `stl_nn.gpu.visible`.

    Returns
    -------
    Tensor
        (r·7^d, ⌈A/(2^d·height)⌉, ⌈B/(2^d·width)⌉) for d levels.
    """
    from stl_nn.gpu.kernels import encode_kernel

    rows, columns = matrix.shape
    rank = encode.shape[0]
    tile_rows, tile_columns = tile_count(rows, height), tile_count(columns, width)
    out = matrix.new_empty(rank, tile_rows, tile_columns)
    if out.numel():
        source = matrix if matrix.stride(1) == 1 else matrix.contiguous()
        _launch(
            encode_kernel,
            traced,
            out,
            source,
            encode.float().contiguous(),
            out,
            rows,
            columns,
            tile_columns,
            source.stride(0),
            out.stride(0),
            rank,
            **_constants(height, width, rank, tile_columns, matrix.dtype),
        )
    whole = composed_tiles(matrix.shape, height, width, depth)
    return encode_levels(out, depth, levels_down(gradient), whole, partial(encode_on_gpu, traced=traced))


def decode_on_gpu(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    out: Tensor,
    *,
    first_row: int = 0,
    bias: Tensor | None = None,
    activation: str = "none",
    traced: bool = False,
) -> Tensor:
    """Fill a matrix with activation(decoded channels + bias), from a row on.

    Channels of 16 bits are decoded to about 16 bits, others as float32.

    Parameters
    ----------
    channels, decode : Tensor
        As of `stl_nn.tiling.decode_tiles`.
    height, width : int
        As of `stl_nn.tiling.decode_tiles`.
    out : Tensor
        The matrix, (A, B), of any dtype.
    first_row : int
        Where the first tile row begins in it.
    bias : Tensor or None
        (B,) or None.
    activation : str
        A name of `ACTIVATIONS`.
    traced : bool
        Whether a compiler follows the call.

    Returns
    -------
    Tensor
        `out`.
    """
    from stl_nn.gpu.kernels import decode_kernel

    if out.numel() == 0:
        return out
    channels, decode = channels.contiguous(), decode.float().contiguous()
    rank, _, tile_columns = channels.shape
    _launch(
        decode_kernel,
        traced,
        channels,
        channels,
        decode,
        bias if bias is not None else decode,
        out,
        first_row,
        *out.shape,
        tile_columns,
        out.stride(0),
        channels.stride(0),
        rank,
        **_constants(height, width, rank, tile_columns, channels.dtype),
        ACTIVATION=activation,
        HAS_BIAS=bias is not None,
    )
    return out


def matmul_on_gpu(
    x: Tensor,
    encoded_weight: Tensor,
    encoder: EncoderTensors,
    out_features: int,
    *,
    bias: Tensor | None,
    activation: str,
    panel_rows: int | None = None,
    traced: bool = False,
) -> Tensor:
    """`stl_nn.reference.reference_matmul` by panels of rows whose channels stay in the second-level cache.

    Channel products of bfloat16 are rounded to it as well if that does not show, see `use_reduced`. float32 operands
    are multiplied as torch.bmm does, in tf32 if the process allows it.

    Parameters
    ----------
    x, encoded_weight : Tensor
        As of `stl_nn.reference.reference_matmul`.
    encoder : EncoderTensors
        As of `stl_nn.reference.reference_matmul`.
    out_features : int
        As of `stl_nn.reference.reference_matmul`.
    bias : Tensor or None
        As of `stl_nn.reference.reference_matmul`.
    activation : str
        As of `stl_nn.reference.reference_matmul`.
    panel_rows : int or None
        Rows of a panel, whole tiles; None chooses them by the size of the cache.
    traced : bool
        Whether a compiler follows the call.

    Returns
    -------
    Tensor
        (M, N).
    """
    n, m, p = encoder.format
    y = x.new_empty(x.shape[0], out_features)
    reduced = use_reduced(x.dtype, torch.device("cuda"), encoder.reduced_channels)
    whole = encoder.tile.n
    height = whole * _panel_tile_rows(x, encoded_weight, whole, reduced) if panel_rows is None else panel_rows
    for start in range(0, x.shape[0], max(height, 1)):
        panel = x[start : start + height]
        encoded = encode_on_gpu(panel, encoder.encode_x, n, m, encoder.depth, traced=traced)
        products = channel_products(encoded, encoded_weight, reduced)
        tiles = tile_count(panel.shape[0], n), tile_count(out_features, p)
        channels = decode_levels(products, encoder.depth, DECODE, tiles, partial(decoded_on_gpu, traced=traced))
        # Into the whole of Y, not a view of its rows: a compiler knows then that nothing has to be copied.
        decode_on_gpu(
            channels, encoder.decode, n, p, y, first_row=start, bias=bias, activation=activation, traced=traced
        )
    return y


def decoded_on_gpu(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    rows: int,
    columns: int,
    depth: int = 0,
    gradient: bool = False,
    *,
    traced: bool = False,
) -> Tensor:
    """Decode by levels of Strassen's scheme, then `stl_nn.tiling.decode_and_cut`, rounded to the dtype of the channels.

    Parameters
    ----------
    channels, decode : Tensor
        As of `stl_nn.tiling.decode_and_cut`.
    height, width, rows, columns : int
        As of `stl_nn.tiling.decode_and_cut`.
    depth : int
        The number of levels.
    gradient : bool
        Which levels they are, see `stl_nn.recursion.levels_up`.
    traced : bool
        Whether a compiler follows the call.

    Returns
    -------
    Tensor
        (rows, columns).
    """
    tiles = tile_count(rows, height), tile_count(columns, width)
    channels = decode_levels(channels, depth, levels_up(gradient), tiles, partial(decoded_on_gpu, traced=traced))
    return decode_on_gpu(channels, decode, height, width, channels.new_empty(rows, columns), traced=traced)


def multiply_on_gpu(
    encoded: Tensor,
    encoded_weight: Tensor,
    reduced_channels: bool = False,
    *,
    traced: bool = False,  # noqa: ARG001
) -> Tensor:
    """The r products of matrices of two encoded operands.

    Parameters
    ----------
    encoded : Tensor
        (r, I, K').
    encoded_weight : Tensor
        (r, K', J).
    reduced_channels : bool
        Whether the encoder tolerates products in bfloat16.
    traced : bool
        Whether a compiler follows the call; it makes no difference here.

    Returns
    -------
    Tensor
        (r, I, J), float32.
    """
    reduced = use_reduced(encoded.dtype, encoded.device, reduced_channels)
    return channel_products(encoded, encoded_weight, reduced).float()


def channel_products(encoded: Tensor, encoded_weight: Tensor, reduced: bool = False) -> Tensor:
    """The r products (r, I, K')·(r, K', J).

    Parameters
    ----------
    encoded, encoded_weight : Tensor
        The operands.
    reduced : bool
        Whether the products are in the operands' dtype, at half the traffic, instead of float32.

    Returns
    -------
    Tensor
        (r, I, J).
    """
    if encoded.dtype == torch.float32 or reduced:
        return torch.bmm(encoded, encoded_weight)
    if encoded.is_cuda:
        return torch.bmm(encoded, encoded_weight, out_dtype=torch.float32)
    return torch.bmm(encoded.float(), encoded_weight.float())


def _panel_tile_rows(x: Tensor, encoded_weight: Tensor, n: int, reduced: bool = False) -> int:
    """Tile rows of a panel: all panels alike, and as many as keep encoded X and channels in 3/4 of the cache."""
    tile_rows = tile_count(x.shape[0], n)
    rank, inner, outer = encoded_weight.shape
    channel_bytes = x.element_size() if reduced else 4
    known = x.is_cuda and torch.cuda.is_available()
    cache = torch.cuda.get_device_properties(x.device).L2_cache_size if known else 1 << 25
    fitting = int(0.75 * cache) // (rank * (inner * x.element_size() + outer * channel_bytes))
    panels = tile_count(tile_rows, max(fitting, LEAST_TILE_ROWS))
    return tile_count(tile_rows, max(panels, 1))


def _launch(kernel: Any, traced: bool, channels: Tensor, *arguments: Any, **constants: Any) -> None:
    """Run a kernel on all tiles of the channels (r, I, J)."""
    if traced:
        kernel = torch.library.wrap_triton(kernel)
    _, tile_rows, tile_columns = channels.shape
    with nullcontext() if traced else torch.cuda.device_of(channels):
        kernel[lambda meta: (tile_rows * tile_count(tile_columns, meta["BLOCK"]),)](*arguments, **constants)


def _constants(height: int, width: int, rank: int, tile_columns: int, dtype: torch.dtype) -> dict[str, Any]:
    """What both kernels are compiled and tuned for."""
    import triton

    from stl_nn.gpu.kernels import GROUP

    # 16 is the least a tensor core takes.
    positions = max(16, 1 << (height * width - 1).bit_length())
    if dtype == torch.float32:
        precision = "ieee" if torch.version.hip else "tf32x3"
    else:
        # The interpreter multiplies the bit patterns of bfloat16.
        unknown = dtype == torch.bfloat16 and triton.knobs.runtime.interpret
        precision = "ieee" if unknown else "parts"
    return {
        "breadth": sum(tile_columns >= breadth for breadth in BREADTHS),
        "HEIGHT": height,
        "WIDTH": width,
        "POSITIONS": positions,
        "GROUPS": tile_count(rank, GROUP),
        "GROUP": GROUP,
        "PRECISION": precision,
    }
