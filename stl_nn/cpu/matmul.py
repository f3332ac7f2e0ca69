"""The STL operator on a CPU: panels of rows are encoded, multiplied and decoded in turn through the same buffers."""

from __future__ import annotations

from threading import Lock

import torch
from torch import Tensor

from stl_nn.activation import ACTIVATIONS
from stl_nn.cpu.memory import empty_in_huge_pages
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype

#: Bytes the two channel buffers may take together; larger panels read the encoded weight less often.
PANEL_BYTES = 1 << 28

# Not every threading layer of numba can be entered from two threads at once.
_ENTER = Lock()


def encode_on_cpu(matrix: Tensor, encode: Tensor, height: int, width: int, out: Tensor | None = None) -> Tensor:
    """`stl_nn.tiling.encode_tiles` by the compiled kernel: (r, ⌈A/height⌉, ⌈B/width⌉) in the coefficients' dtype."""
    from stl_nn.cpu.kernels import encode as kernel
    from stl_nn.cpu.kernels import padded

    rows, columns = matrix.shape
    shape = (encode.shape[0], -(-rows // height), -(-columns // width))
    out = empty_in_huge_pages(shape, encode.dtype) if out is None else out
    if out.numel():
        source = matrix.detach().to(encode.dtype).contiguous().numpy()
        with _ENTER:
            _follow_torch_threads()
            kernel(source, padded(encode.detach().numpy()), height, width, out.numpy())
    return out


def decode_on_cpu(channels: Tensor, decode: Tensor, height: int, width: int, out: Tensor) -> Tensor:
    """Fill `out` (A, B), contiguous and of the coefficients' dtype, with the decoded channels; returns it."""
    from stl_nn.cpu.kernels import decode as kernel
    from stl_nn.cpu.kernels import padded

    if out.numel():
        source = channels.detach().to(decode.dtype).contiguous().numpy()
        with _ENTER:
            _follow_torch_threads()
            kernel(source, padded(decode.detach().numpy()), height, width, out.numpy())
    return out


def matmul_on_cpu(
    x: Tensor,
    encoded_weight: Tensor,
    encoder: EncoderTensors,
    out_features: int,
    *,
    bias: Tensor | None,
    activation: str,
) -> Tensor:
    """`stl_nn.reference.reference_matmul` by panels of rows, with the same roundings. Not differentiable."""
    n, m, p = encoder.format
    wide = coefficient_dtype(x.dtype)
    encode_x, decode = encoder.encode_x.to(wide), encoder.decode.to(wide)
    weight = encoded_weight.detach().to(wide)
    y = empty_in_huge_pages((x.shape[0], out_features), wide)
    rank, inner, outer = weight.shape
    height = panel_height(x.shape[0], n, rank * (inner + outer) * wide.itemsize)
    tile_rows = height // n
    buffers = [empty_in_huge_pages((rank * tile_rows * size,), wide) for size in (inner, outer)]
    for start in range(0, x.shape[0], max(height, 1)):
        panel = x[start : start + height]
        tiles = -(-panel.shape[0] // n)
        encoded, channels = (
            buffer[: rank * tiles * size].view(rank, tiles, size)
            for buffer, size in zip(buffers, (inner, outer), strict=True)
        )
        encode_on_cpu(panel, encode_x, n, m, out=encoded)
        if x.dtype != wide:
            encoded.copy_(encoded.to(x.dtype))
        torch.bmm(encoded, weight, out=channels)
        rows = decode_on_cpu(channels, decode, n, p, out=y[start : start + height])
        if bias is not None:
            rows += bias.detach()
        if activation != "none":
            rows.copy_(ACTIVATIONS[activation](rows))
    return y.to(x.dtype)


def panel_height(rows: int, n: int, bytes_per_tile_row: int) -> int:
    """Rows of a panel: a multiple of n within PANEL_BYTES, all panels but the last of equal height.

    >>> panel_height(10, 4, 1), panel_height(64, 4, PANEL_BYTES // 3)
    (12, 12)
    """
    tile_rows = -(-rows // n)
    most = max(1, PANEL_BYTES // max(bytes_per_tile_row, 1))
    panels = -(-tile_rows // most)
    return n * -(-tile_rows // max(panels, 1))


def _follow_torch_threads() -> None:
    from numba import config, set_num_threads

    set_num_threads(max(1, min(torch.get_num_threads(), config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]
