"""The STL operator by reshape, matmul and bmm: the path that differentiates, compiles and exports everywhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn.functional import pad

from stl_nn.activation import ACTIVATIONS
from stl_nn.cpu.memory import in_huge_pages
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.recursion import DECODE, ENCODE_W, ENCODE_X, decode_levels, encode_levels
from stl_nn.tiling import decode_and_cut, encode_tiles, tile_count


def reference_matmul(
    x: Tensor,
    encoded_weight: Tensor,
    encoder: EncoderTensors,
    out_features: int,
    *,
    bias: Tensor | None = None,
    activation: str = "none",
) -> Tensor:
    """Y = X W by its tiles.

    Encoded operands are rounded to the dtype of x. Sums, decoding, bias and activation are in float32 (float64 for
    float64), and the result is rounded to the dtype of x once.

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
        (N,) or None.
    activation : str
        A name of `ACTIVATIONS`.

    Returns
    -------
    Tensor
        (M, N).

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> enc = EncoderTensors.of(strassen())
    >>> reference_matmul(torch.ones(3, 2), encode_weight(torch.ones(2, 1), enc), enc, 1).tolist()
    [[2.0], [2.0], [2.0]]
    """
    n, m, p = encoder.format
    wide = coefficient_dtype(x.dtype)
    rows = x.shape[0]
    if torch.compiler.is_exporting():
        # Whole tiles, and at least two rows of them: exporters would make a special case of one.
        x = pad(x, (0, 0, 0, (tile_count(rows, encoder.tile.n) + 1) * encoder.tile.n - rows))
    with as_given(x):
        encoded_x = rounded_encode(x, encoder.encode_x.to(wide), n, m)
        shape = encoded_x.shape[1], tile_count(out_features, p)
        tiles = tile_count(x.shape[0], encoder.tile.n), encoded_weight.shape[1]
        encoded_x = encode_levels(encoded_x, encoder.depth, ENCODE_X, tiles, rounded_encode)
        channels = encoded_x.to(wide).bmm(encoded_weight.to(wide))
        channels = decode_levels(channels, encoder.depth, DECODE, shape)
        y = decode_and_cut(channels, encoder.decode.to(wide), n, p, rows, out_features)
    if bias is not None:
        y = y + bias.to(wide)
    return ACTIVATIONS[activation](y).to(x.dtype)


def encode_weight(weight: Tensor, encoder: EncoderTensors) -> Tensor:
    """Encode a weight, rounded to its dtype once.

    Parameters
    ----------
    weight : Tensor
        W, (K, N): of an nn.Linear ``linear.weight.T``.
    encoder : EncoderTensors
        The encoder.

    Returns
    -------
    Tensor
        (r, ⌈K/m⌉, ⌈N/p⌉); with a depth d (r·7^d, ⌈K/(2^d·m)⌉, ⌈N/(2^d·p)⌉).

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> encode_weight(torch.ones(5, 4), EncoderTensors.of(strassen())).shape
    torch.Size([7, 3, 2])
    """
    _, m, p = encoder.format
    wide = coefficient_dtype(weight.dtype)
    with as_given(weight):
        channels = encode_tiles(weight, encoder.encode_w.to(wide), m, p)
        tiles = tile_count(weight.shape[0], encoder.tile.m), tile_count(weight.shape[1], encoder.tile.p)
        channels = encode_levels(channels, encoder.depth, ENCODE_W, tiles)
    return in_huge_pages(channels.to(weight.dtype))


def as_given(tensor: Tensor) -> AbstractContextManager[object]:
    """A region in which operands keep their dtypes, inside of autocast too: sums in float32 are meant as such.

    Parameters
    ----------
    tensor : Tensor
        A tensor on the device meant.

    Returns
    -------
    AbstractContextManager[object]
        The region.
    """
    kind = tensor.device.type
    casts = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.autocast(kind, enabled=False) if casts else nullcontext()


def rounded_encode(matrix: Tensor, encode: Tensor, height: int, width: int) -> Tensor:
    """`encode_tiles`, the result in the dtype of the matrix as the kernels leave it.

    Parameters
    ----------
    matrix, encode : Tensor
        As of `encode_tiles`.
    height, width : int
        As of `encode_tiles`.

    Returns
    -------
    Tensor
        (r, ⌈A/height⌉, ⌈B/width⌉), of the dtype of the matrix.
    """
    return encode_tiles(matrix, encode, height, width).to(matrix.dtype)
