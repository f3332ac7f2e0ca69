"""The STL operator in two calls: encode an input once, multiply it by several encoded weights."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_nn.activation import ACTIVATIONS
from stl_nn.backend import choose_backend
from stl_nn.encoder_tensors import EncoderTensors, coefficient_dtype
from stl_nn.recursion import DECODE, ENCODE_X, decode_levels, encode_levels
from stl_nn.reference import as_given, rounded_encode
from stl_nn.tiling import decode_and_cut, tile_count


def encode_input(x: Tensor, encoder: EncoderTensors, backend: str = "auto") -> Tensor:
    """Encode an input, rounded to its dtype as `stl_matmul` does.

    Parameters
    ----------
    x : Tensor
        (..., K), M rows together.
    encoder : EncoderTensors
        The encoder.
    backend : str
        As of `stl_matmul`.

    Returns
    -------
    Tensor
        (r, ⌈M/n⌉, ⌈K/m⌉); with a depth d (r·7^d, …), over tiles of 2^d·n × 2^d·m. On a GPU each level rounds once
        more.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> encode_input(torch.ones(3, 5, 4), EncoderTensors.of(strassen())).shape
    torch.Size([7, 8, 2])
    """
    n, m, _ = encoder.format
    encoder = encoder.within(x.dtype)
    rows = x.reshape(-1, x.shape[-1])
    wide = coefficient_dtype(x.dtype)
    encode, depth = encoder.encode_x.to(wide), encoder.depth
    if choose_backend(x, backend) == "kernels":
        encoded: Tensor = torch.ops.stl.encode_tiles(rows, encode, n, m, depth)
        return encoded
    tiles = tile_count(rows.shape[0], encoder.tile.n), tile_count(rows.shape[1], encoder.tile.m)
    with as_given(x):
        return encode_levels(rounded_encode(rows, encode, n, m), depth, ENCODE_X, tiles, rounded_encode)


def multiply_encoded(
    encoded_x: Tensor,
    encoded_weight: Tensor,
    encoder: EncoderTensors,
    shape: tuple[int, int],
    *,
    bias: Tensor | None = None,
    activation: str = "none",
    backend: str = "auto",
) -> Tensor:
    """activation(X W + bias) from X and W that are encoded already.

    Parameters
    ----------
    encoded_x : Tensor
        (r, ⌈M/n⌉, ⌈K/m⌉), of `encode_input`; with a depth d (r·7^d, …), over tiles that are 2^d as large.
    encoded_weight : Tensor
        (r, ⌈K/m⌉, ⌈N/p⌉), of `encode_weight`, of the same dtype.
    encoder : EncoderTensors
        The encoder of both.
    shape : tuple
        (M, N).
    bias : Tensor or None
        (N,) or None.
    activation, backend : str
        As of `stl_matmul`.

    Returns
    -------
    Tensor
        (M, N), of the dtype of the operands.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> enc = EncoderTensors.of(strassen())
    >>> encoded = encode_input(torch.ones(3, 2), enc)
    >>> multiply_encoded(encoded, torch.zeros(7, 1, 2), enc, (3, 4)).shape
    torch.Size([3, 4])
    """
    n, _, p = encoder.format
    encoder = encoder.within(encoded_x.dtype)
    wide = coefficient_dtype(encoded_x.dtype)
    decode = encoder.decode.to(wide)
    if choose_backend(encoded_x, backend) == "kernels":
        channels = torch.ops.stl.multiply_channels(encoded_x, encoded_weight, encoder.reduced_channels)
        y = torch.ops.stl.decode_tiles(channels, decode, n, p, *shape, encoder.depth)
    else:
        with as_given(encoded_x):
            channels = encoded_x.to(wide).bmm(encoded_weight.to(wide))
            channels = decode_levels(
                channels, encoder.depth, DECODE, (tile_count(shape[0], n), tile_count(shape[1], p))
            )
            y = decode_and_cut(channels, decode, n, p, *shape)
    if bias is not None:
        y = y + bias.to(wide)
    result: Tensor = ACTIVATIONS[activation](y).to(encoded_x.dtype)
    return result
