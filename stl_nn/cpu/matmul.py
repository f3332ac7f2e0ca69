"""The STL operator on a CPU: panels of rows are encoded, multiplied and decoded in turn through the same memory."""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from stl_nn.activation import ACTIVATIONS
from stl_nn.cpu.memory import empty_in_huge_pages
from stl_nn.cpu.scratch import Scratch, lines, scratch
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.recursion import DECODE, ENCODE_X, Matrix, whole_rank, whole_tiles
from stl_nn.reduced import use_reduced

#: Bytes the two channel buffers may take together; larger panels read the encoded weight less often.
PANEL_BYTES = 200 << 20
#: Tasks for a thread: each has memory of its own.
TASKS = 4

# Not every threading layer of numba can be entered from two threads at once.
_ENTER = Lock()


def encode_on_cpu(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    coefficients: Matrix = ENCODE_X,
    out: Tensor | None = None,
) -> Tensor:
    """`stl_nn.tiling.encode_tiles` by the compiled kernel: (r, ⌈A/height⌉, ⌈B/width⌉), rounded to the matrix's dtype.

    With a depth d, levels of Strassen's scheme follow as in `stl_nn.recursion.descend`, with whole tiles of the
    deepest: (r·7^d, ⌈A/(2^d height)⌉, ⌈B/(2^d width)⌉). `out`, contiguous and of that dtype, is filled where given.
    """
    from stl_nn.cpu.kernels import encode as kernel
    from stl_nn.cpu.kernels import padded, terms

    shape = whole_rank(len(encode), depth), *whole_tiles(matrix.shape, height, width, depth)
    out = empty_in_huge_pages(shape, matrix.dtype) if out is None else out
    if out.numel() == 0:
        return out
    source = _computed_in(matrix.detach(), encode.dtype).contiguous()
    target = out if out.dtype == source.dtype else torch.empty(shape, dtype=source.dtype)
    weights = padded(encode.detach().numpy())
    levels = terms(_hashable(coefficients), depth, weights.dtype.name)
    with _ENTER:
        tasks = TASKS * _follow_torch_threads()
        size = len(encode), height, width
        kernel(_numpy(source), weights, *size, depth, *levels, shape[2], tasks, _numpy(target.flatten(1)))
    return out if target is out else out.copy_(target)


def decode_on_cpu(
    channels: Tensor,
    decode: Tensor,
    height: int,
    width: int,
    out: Tensor,
    depth: int = 0,
    coefficients: Matrix = DECODE,
) -> Tensor:
    """Fill `out` (A, B), contiguous, with the decoded channels, rounded to its dtype; returns it.

    With a depth, levels of Strassen's scheme go before as in `stl_nn.recursion.ascend`.
    """
    from stl_nn.cpu.kernels import decode as kernel
    from stl_nn.cpu.kernels import padded, terms

    if out.numel() == 0:
        return out
    source = _computed_in(channels.detach(), decode.dtype).contiguous()
    direct = _computed_in(out, decode.dtype).dtype == out.dtype
    target = out if direct else torch.empty(out.shape, dtype=decode.dtype)
    weights = padded(decode.detach().numpy())
    levels = terms(_hashable(coefficients), depth, weights.dtype.name)
    with _ENTER:
        tasks = TASKS * _follow_torch_threads()
        size = decode.shape[1], height, width
        kernel(_numpy(source.flatten(1)), weights, *size, depth, *levels, source.shape[2], tasks, _numpy(target))
    return out if target is out else out.copy_(target)


def matmul_on_cpu(
    x: Tensor,
    encoded_weight: Tensor,
    encoder: EncoderTensors,
    out_features: int,
    *,
    bias: Tensor | None,
    activation: str,
) -> Tensor:
    """`stl_nn.reference.reference_matmul` by panels of rows, with the same roundings. Not differentiable.

    Channel products of bfloat16 are rounded to it as well where that is faster and does not show, see `use_reduced`.
    """
    n, m, p = encoder.format
    wide = coefficient_dtype(x.dtype)
    encode_x, decode = encoder.encode_x.to(wide), encoder.decode.to(wide)
    x, weight = x.detach(), encoded_weight.detach()
    channels, inner, outer = weight.shape
    y = empty_in_huge_pages((x.shape[0], out_features), x.dtype)
    height = panel_height(x.shape[0], encoder.tile.n, channels * (inner * x.dtype.itemsize + outer * wide.itemsize))
    most = -(-height // encoder.tile.n)
    through_rows = x.dtype != wide and (bias is not None or activation != "none")
    sizes = channels * most * inner, channels * most * outer, height * out_features * through_rows
    held = sum(lines(size * dtype.itemsize) for size, dtype in zip(sizes, (x.dtype, wide, wide), strict=True))
    with scratch(held + _Products.bytes(most, inner, outer, x.dtype)) as memory:
        of_x, of_y, rows = (
            memory.take((size,), dtype) for size, dtype in zip(sizes, (x.dtype, wide, wide), strict=True)
        )
        multiply = _Products(weight, memory, most, use_reduced(x.dtype, x.device, encoder.coarse))
        for start in range(0, x.shape[0], max(height, 1)):
            panel, out = x[start : start + height], y[start : start + height]
            tiles = -(-panel.shape[0] // encoder.tile.n)
            encoded = of_x[: channels * tiles * inner].view(channels, tiles, inner)
            products = of_y[: channels * tiles * outer].view(channels, tiles, outer)
            encode_on_cpu(panel, encode_x, n, m, encoder.depth, out=encoded)
            multiply(encoded, products)
            target = rows[: out.numel()].view(out.shape) if through_rows else out
            decode_on_cpu(products, decode, n, p, target, encoder.depth)
            if bias is not None:
                target += bias.detach()
            if activation != "none":
                target.copy_(ACTIVATIONS[activation](target))
            if target is not out:
                out.copy_(target)
    return y


def channel_products(encoded: Tensor, weight: Tensor, coarse: bool) -> Tensor:
    """The r products (r, I, K')·(r, K', J) in float32 or float64, rounded on the way where `use_reduced` says so."""
    encoded, weight = encoded.detach(), weight.detach()
    wide = coefficient_dtype(encoded.dtype)
    rank, tiles, inner = encoded.shape
    outer = weight.shape[2]
    out = empty_in_huge_pages((rank, tiles, outer), wide)
    with scratch(_Products.bytes(tiles, inner, outer, encoded.dtype)) as memory:
        _Products(weight, memory, tiles, use_reduced(encoded.dtype, encoded.device, coarse))(encoded, out)
    return out


class _Products:
    """The r products of an encoded panel and the encoded weight, summed in float32 or float64.

    Operands in bfloat16 or float16 are converted a channel at a time: in the cache, and back to back with their use.
    """

    def __init__(self, weight: Tensor, memory: Scratch, tiles: int, reduced: bool) -> None:
        _, inner, outer = weight.shape
        self._weight, self._reduced = weight, reduced
        self._left, self._right, self._rounded = (
            memory.take((count,), dtype) for count, dtype in self._sizes(tiles, inner, outer, weight.dtype)
        )

    @classmethod
    def bytes(cls, tiles: int, inner: int, outer: int, dtype: torch.dtype) -> int:
        """What it takes of the scratch memory, for panels of so many tile rows at most."""
        return sum(lines(count * dtype.itemsize) for count, dtype in cls._sizes(tiles, inner, outer, dtype))

    @staticmethod
    def _sizes(tiles: int, inner: int, outer: int, dtype: torch.dtype) -> tuple[tuple[int, torch.dtype], ...]:
        wide = coefficient_dtype(dtype)
        if wide == dtype:
            return (0, wide), (0, wide), (0, dtype)
        return (tiles * inner, wide), (inner * outer, wide), (tiles * outer, dtype)

    def __call__(self, encoded: Tensor, out: Tensor) -> None:
        rank, tiles, inner = encoded.shape
        if encoded.dtype == out.dtype:
            torch.bmm(encoded, self._weight, out=out)
            return
        left, right = self._left[: tiles * inner].view(tiles, inner), self._right.view(inner, -1)
        rounded = self._rounded[: tiles * out.shape[2]].view(tiles, -1)
        for s in range(rank):
            if self._reduced:
                out[s].copy_(torch.mm(encoded[s], self._weight[s], out=rounded))
            else:
                left.copy_(encoded[s])
                right.copy_(self._weight[s])
                torch.mm(left, right, out=out[s])


def panel_height(rows: int, n: int, bytes_per_tile_row: int) -> int:
    """Rows of a panel: a multiple of n within PANEL_BYTES, all panels but the last of equal height.

    >>> panel_height(10, 4, 1), panel_height(64, 4, PANEL_BYTES // 3)
    (12, 12)
    """
    tile_rows = -(-rows // n)
    most = max(1, PANEL_BYTES // max(bytes_per_tile_row, 1))
    panels = -(-tile_rows // most)
    return n * -(-tile_rows // max(panels, 1))


def _computed_in(tensor: Tensor, wide: torch.dtype) -> Tensor:
    """The tensor as the kernels take it: of the coefficients' dtype, or bfloat16 beside float32."""
    return tensor if tensor.dtype == torch.bfloat16 and wide == torch.float32 else tensor.to(wide)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    """The tensor's memory as the kernels know it."""
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _follow_torch_threads() -> int:
    from numba import config, set_num_threads

    wanted = torch.get_num_threads()
    threads = max(1, min(wanted, config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    set_num_threads(threads)
    if torch.get_num_threads() != wanted:  # numba's threads, as they start, set OpenMP's number for torch as well
        torch.set_num_threads(wanted)
    return threads


def _hashable(coefficients: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, coefficients))
