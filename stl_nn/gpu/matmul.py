"""The STL operator on CUDA: Triton encoding, torch.bmm, Triton decoding with bias and activation, by panels of rows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.recursion import DECODE, ENCODE_X, ascend, descend
from stl_nn.reduced import use_reduced
from stl_nn.tiling import tile_count

#: Tiles of a program, and channels it takes at a time.
BLOCK = 128
GROUP = 32

#: Tile rows below which reading the encoded weight again for every panel costs more than staying in the cache saves:
#: about the ratio of bf16 arithmetic to bandwidth of a data-centre GPU, in multiplications a number.
LEAST_TILE_ROWS = 256


def encode_on_gpu(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    """`stl_nn.tiling.encode_tiles`, (r, ⌈A/height⌉, ⌈B/width⌉), rounded to the dtype of the matrix once."""
    from stl_nn.gpu.kernels import encode_kernel

    rows, columns = matrix.shape
    rank = encode.shape[0]
    tile_rows, tile_columns = tile_count(rows, height), tile_count(columns, width)
    out = matrix.new_empty(rank, tile_rows, tile_columns)
    if out.numel() == 0:
        return out
    source = matrix if matrix.stride(1) == 1 else matrix.contiguous()
    weights = pad(encode.float(), (0, _positions(height, width) - height * width, 0, -rank % GROUP)).contiguous()
    grid = (tile_rows, tile_count(tile_columns, BLOCK))
    with torch.cuda.device_of(matrix):
        encode_kernel[grid](
            source,
            weights,
            out,
            rows,
            columns,
            tile_columns,
            source.stride(0),
            out.stride(0),
            rank,
            **_constants(height, width),
        )
    return out


def decode_on_gpu(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    out: Tensor,
    *,
    bias: Tensor | None = None,
    activation: str = "none",
) -> Tensor:
    """Fill `out` (A, B), of any dtype, with activation(decoded channels + bias); returns it."""
    from stl_nn.gpu.kernels import decode_kernel

    if out.numel() == 0:
        return out
    channels = channels.contiguous()
    rank, tile_rows, tile_columns = channels.shape
    weights = pad(decode.float(), (0, -rank % GROUP, 0, _positions(height, width) - height * width)).contiguous()
    grid = (tile_rows, tile_count(tile_columns, BLOCK))
    with torch.cuda.device_of(channels):
        decode_kernel[grid](
            channels,
            weights,
            bias if bias is not None else weights,
            out,
            *out.shape,
            tile_columns,
            out.stride(0),
            channels.stride(0),
            rank,
            **_constants(height, width),
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
) -> Tensor:
    """`stl_nn.reference.reference_matmul` by panels of rows whose channels stay in the second-level cache.

    Channel products of bfloat16 are rounded to it as well where that does not show, see `use_reduced`.

    `panel_rows`, whole tiles, overrides the choice. float32 operands are multiplied as torch.bmm does, in tf32 where
    the process allows it.
    """
    n, m, p = encoder.format
    y = x.new_empty(x.shape[0], out_features)
    reduced = use_reduced(x.dtype, torch.device("cuda"), encoder.coarse)
    whole = encoder.tile.n
    height = whole * _panel_tile_rows(x, encoded_weight, whole, reduced) if panel_rows is None else panel_rows
    for start in range(0, x.shape[0], max(height, 1)):
        encoded, rows = encode_on_gpu(x[start : start + height], encoder.encode_x, n, m), y[start : start + height]
        tiles = encoded.shape[1], tile_count(out_features, p)
        whole_tiles = tile_count(rows.shape[0], whole), encoded_weight.shape[1]
        encoded = descend(encoded, encoder.depth, ENCODE_X, whole_tiles, encode_on_gpu)
        channels = ascend(
            channel_products(encoded, encoded_weight, reduced), encoder.depth, DECODE, tiles, decoded_on_gpu
        )
        decode_on_gpu(channels, encoder.decode, n, p, rows, bias=bias, activation=activation)
    return y


def decoded_on_gpu(channels: Tensor, decode: Tensor, height: int, width: int, rows: int, columns: int) -> Tensor:
    """`stl_nn.tiling.decode_and_cut`, rounded to the dtype of the channels."""
    return decode_on_gpu(channels, decode, height, width, channels.new_empty(rows, columns))


def channel_products(encoded: Tensor, encoded_weight: Tensor, reduced: bool = False) -> Tensor:
    """The r products (r, I, K')·(r, K', J), in float32, or in the operands' dtype where `reduced`: half the traffic."""
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
    cache = torch.cuda.get_device_properties(x.device).L2_cache_size if x.is_cuda else 1 << 25
    fitting = int(0.75 * cache) // (rank * (inner * x.element_size() + outer * channel_bytes))
    panels = tile_count(tile_rows, max(fitting, LEAST_TILE_ROWS))
    return tile_count(tile_rows, max(panels, 1))


def _positions(height: int, width: int) -> int:
    """The least power of two that is at least the entries of a tile and the 16 rows a tensor core takes."""
    return max(16, 1 << (height * width - 1).bit_length())


def _constants(height: int, width: int) -> dict[str, int | str]:
    """What both kernels are compiled for."""
    return {
        "HEIGHT": height,
        "WIDTH": width,
        "POSITIONS": _positions(height, width),
        "BLOCK": BLOCK,
        "GROUP": GROUP,
        "PRECISION": "ieee" if torch.version.hip else "tf32x3",
    }
