"""What an encoded weight was made of: the one above levels of Strassen's scheme, and the dense one."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.recursion import ENCODE_W, SIDE, decode_levels, encode_levels
from stl_nn.tiling import decode_tiles, encode_tiles


def recover_weight(encoded: Tensor, encoder: EncoderTensors) -> Tensor:
    """The weight whose encoding is given, by least squares.

    Parameters
    ----------
    encoded : Tensor
        The encoded weight, (r, ⌈K/m⌉, ⌈N/p⌉); with a depth d (r·7^d, …), over tiles that are 2^d as large.
    encoder : EncoderTensors
        The encoder, with its depth.

    Returns
    -------
    Tensor
        (m·⌈K/m⌉, p·⌈N/p⌉), exact to rounding.

    Raises
    ------
    InvalidInput
        If E_W has less than full column rank, or `encoded` is farther from any encoding than rounding leaves it.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> enc = EncoderTensors.of(strassen())
    >>> recover_weight(encode_tiles(torch.ones(2, 2), enc.encode_w, 2, 2), enc).round().tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    _, m, p = encoder.format
    encode_w = encoder.encode_w.double()
    if torch.linalg.matrix_rank(encode_w) < m * p:
        raise InvalidInput(
            f"this {encoder.format} encoder of rank {encoder.rank} maps different weights to one encoding; "
            "convert with LayerOptions(keep_dense=True) to be able to revert"
        )
    channels = _above(encoded.double(), encoder.depth)
    dense = decode_tiles(channels, torch.linalg.pinv(encode_w), m, p)
    tiles = encoded.shape[1], encoded.shape[2]
    again = encode_levels(encode_tiles(dense, encode_w, m, p), encoder.depth, ENCODE_W, tiles)
    if not _alike(again, encoded):
        raise InvalidInput(
            "the encoded weight has been trained, refitted or rounded and is the encoding of no dense weight; "
            "convert with LayerOptions(keep_dense=True) to be able to revert"
        )
    return dense.to(encoded.dtype)


def weight_above(encoded: Tensor, depth: int) -> Tensor:
    """The encoded weight that levels of Strassen's scheme were applied to.

    Parameters
    ----------
    encoded : Tensor
        The result of the levels, (r·7^d, I, J).
    depth : int
        The number of levels, d.

    Returns
    -------
    Tensor
        (r, 2^d·I, 2^d·J).

    Raises
    ------
    InvalidInput
        If `encoded` is farther from any such result than rounding leaves it.

    Examples
    --------
    >>> from stl_nn.recursion import ENCODE_W, encode_levels
    >>> weight_above(encode_levels(torch.ones(3, 2, 4), 1, ENCODE_W, (1, 2)), 1).shape
    torch.Size([3, 2, 4])
    """
    above = _above(encoded.double(), depth)
    if not _alike(encode_levels(above, depth, ENCODE_W, (encoded.shape[1], encoded.shape[2])), encoded):
        raise InvalidInput(
            f"the encoded weight has been trained at its depth of {depth} and is that of no other depth; "
            "set the depth before training"
        )
    return above.to(encoded.dtype)


def _above(encoded: Tensor, depth: int) -> Tensor:
    """By least squares, in the dtype of `encoded`."""
    back = torch.linalg.pinv(torch.tensor(ENCODE_W, dtype=torch.float64)).tolist()
    return decode_levels(encoded, depth, back, (encoded.shape[1] * SIDE**depth, encoded.shape[2] * SIDE**depth))


def _alike(found: Tensor, encoded: Tensor) -> bool:
    """Whether what was found, in float64, is `encoded` but for the rounding of its dtype."""
    bound = 8 * torch.finfo(encoded.dtype).eps * encoded.double().norm()
    return bool((found - encoded.double()).norm() <= bound)
