"""The STL operator on a CPU: panels of rows are encoded, multiplied and decoded in turn through the same memory."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from stl_nn.activation import ACTIVATIONS
from stl_nn.cpu.memory import empty_in_huge_pages
from stl_nn.cpu.scratch import Scratch, lines, scratch
from stl_nn.cpu.terms import padded, terms
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.recursion import DECODE, ENCODE_X, Matrix, composed_rank, composed_tiles
from stl_nn.reduced import use_reduced

#: Bytes that the two channel buffers may take together; larger panels read the encoded weight less often.
PANEL_BYTES = 200 << 20


def encode_on_cpu(
    matrix: Tensor,
    encode: Tensor,
    height: int,
    width: int,
    depth: int = 0,
    coefficients: Matrix = ENCODE_X,
    out: Tensor | None = None,
) -> Tensor:
    """`stl_nn.tiling.encode_tiles` by the compiled kernel, then levels of Strassen's scheme.

    Parameters
    ----------
    matrix : Tensor
        (A, B).
    encode : Tensor
        (r, height·width), float32 or float64.
    height, width : int
        Rows and columns of a tile.
    depth : int
        The number of levels, d.
    coefficients : sequence of sequence of float
        (7, 4), as of `stl_nn.recursion.encode_levels`.
    out : Tensor or None
        Where the result is written, contiguous and of the matrix's dtype; None makes it anew.

    Returns
    -------
    Tensor
        (r·7^d, ⌈A/(2^d·height)⌉, ⌈B/(2^d·width)⌉), rounded to the matrix's dtype once.
    """
    from stl_nn.cpu.kernels import CHUNK, encode_in_parallel
    from stl_nn.cpu.kernels import encode as encode_alone
    from stl_nn.cpu.threads import run_kernel

    shape = composed_rank(len(encode), depth), *composed_tiles(matrix.shape, height, width, depth)
    out = empty_in_huge_pages(shape, matrix.dtype) if out is None else out
    if out.numel() == 0:
        return out
    source = _computed_in(matrix.detach(), encode.dtype).contiguous()
    target = out if out.dtype == source.dtype else torch.empty(shape, dtype=source.dtype)
    weights = padded(encode.detach().numpy())
    levels = terms(_hashable(coefficients), depth, weights.dtype.name)
    arguments = _numpy(source), weights, len(encode), height, width, depth, *levels, shape[2]
    channels = _numpy(target.flatten(1))
    run_kernel(encode_alone, encode_in_parallel, arguments, -(-channels.shape[1] // CHUNK), channels)
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
    """Decode by levels of Strassen's scheme, then `stl_nn.tiling.decode_and_cut`, by the compiled kernel.

    Parameters
    ----------
    channels : Tensor
        (r·7^d, I, J).
    decode : Tensor
        (height·width, r), float32 or float64.
    height, width : int
        Rows and columns of a tile.
    out : Tensor
        Where the result is written, (A, B), contiguous; it is rounded to this dtype.
    depth : int
        The number of levels, d.
    coefficients : sequence of sequence of float
        (4, 7), as of `stl_nn.recursion.decode_levels`.

    Returns
    -------
    Tensor
        `out`.
    """
    from stl_nn.cpu.kernels import CHUNK, decode_in_parallel
    from stl_nn.cpu.kernels import decode as decode_alone
    from stl_nn.cpu.threads import run_kernel

    if out.numel() == 0:
        return out
    source = _computed_in(channels.detach(), decode.dtype).contiguous()
    direct = _computed_in(out, decode.dtype).dtype == out.dtype
    target = out if direct else torch.empty(out.shape, dtype=decode.dtype)
    weights = padded(decode.detach().numpy())
    levels = terms(_hashable(coefficients), depth, weights.dtype.name)
    encoded = _numpy(source.flatten(1))
    arguments = encoded, weights, decode.shape[1], height, width, depth, *levels, source.shape[2]
    run_kernel(decode_alone, decode_in_parallel, arguments, -(-encoded.shape[1] // CHUNK), _numpy(target))
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
    """`stl_nn.reference.reference_matmul` by panels of rows, with the same roundings. It is not differentiable.

    Channel products of bfloat16 are rounded to it as well if that is faster and does not show, see `use_reduced`.

    Parameters
    ----------
    x : Tensor
        (M, K).
    encoded_weight : Tensor
        (r, ⌈K/m⌉, ⌈N/p⌉).
    encoder : EncoderTensors
        The encoder.
    out_features : int
        N.
    bias : Tensor or None
        (N,).
    activation : str
        A name of `ACTIVATIONS`.

    Returns
    -------
    Tensor
        (M, N).
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
        multiply = _Products(weight, memory, most, use_reduced(x.dtype, x.device, encoder.reduced_channels))
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


def channel_products(encoded: Tensor, weight: Tensor, reduced_channels: bool) -> Tensor:
    """The r products of matrices of two encoded operands.

    Parameters
    ----------
    encoded : Tensor
        (r, I, K').
    weight : Tensor
        (r, K', J).
    reduced_channels : bool
        Whether the encoder tolerates products in bfloat16, see `use_reduced`.

    Returns
    -------
    Tensor
        (r, I, J), in float32 or float64.
    """
    encoded, weight = encoded.detach(), weight.detach()
    wide = coefficient_dtype(encoded.dtype)
    rank, tiles, inner = encoded.shape
    outer = weight.shape[2]
    out = empty_in_huge_pages((rank, tiles, outer), wide)
    with scratch(_Products.bytes(tiles, inner, outer, encoded.dtype)) as memory:
        _Products(weight, memory, tiles, use_reduced(encoded.dtype, encoded.device, reduced_channels))(encoded, out)
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
        """Bytes of scratch memory that panels of at most `tiles` tile rows take."""
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
    """The rows of a panel: a multiple of n within PANEL_BYTES, all panels but the last of equal height.

    Parameters
    ----------
    rows : int
        Rows in all.
    n : int
        Rows of a tile.
    bytes_per_tile_row : int
        What the channels of a tile row take.

    Returns
    -------
    int
        The rows.

    Examples
    --------
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


def _hashable(coefficients: Matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, coefficients))
