"""What an encoded weight was made of: the one above levels of Strassen's scheme, and the dense one."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.recursion import ENCODE_W, SIDE, ascend, descend
from stl_nn.tiling import decode_tiles, encode_tiles


def recover_weight(encoded: Tensor, encoder: EncoderTensors) -> Tensor:
    """The weight (m·⌈K/m⌉, p·⌈N/p⌉) whose encoding by `encoder` is `encoded` (r, ⌈K/m⌉, ⌈N/p⌉), by least squares.

    With a depth d r is r·7^d, and tiles are 2^d as large.

    Exact to rounding where E_W has full column rank. Raises InvalidInput where it has not, or where
    `encoded` is no encoding: its distance from all of them is more than rounding leaves.

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
            "convert with keep_dense=True to be able to revert"
        )
    channels = _above(encoded.double(), encoder.depth)
    dense = decode_tiles(channels, torch.linalg.pinv(encode_w), m, p)
    tiles = encoded.shape[1], encoded.shape[2]
    again = descend(encode_tiles(dense, encode_w, m, p), encoder.depth, ENCODE_W, tiles)
    if not _alike(again, encoded):
        raise InvalidInput(
            "the encoded weight has been trained, refitted or rounded and is the encoding of no dense weight; "
            "convert with keep_dense=True to be able to revert"
        )
    return dense.to(encoded.dtype)


def weight_above(encoded: Tensor, depth: int) -> Tensor:
    """The encoded weight (r, 2^d·I, 2^d·J) that d levels of Strassen's scheme make `encoded` (r·7^d, I, J) of.

    Raises InvalidInput where there is none: its distance from all of them is more than rounding leaves.

    >>> from stl_nn.recursion import ENCODE_W, descend
    >>> weight_above(descend(torch.ones(3, 2, 4), 1, ENCODE_W, (1, 2)), 1).shape
    torch.Size([3, 2, 4])
    """
    above = _above(encoded.double(), depth)
    if not _alike(descend(above, depth, ENCODE_W, (encoded.shape[1], encoded.shape[2])), encoded):
        raise InvalidInput(
            f"the encoded weight has been trained at its depth of {depth} and is that of no other depth; "
            "set the depth before training"
        )
    return above.to(encoded.dtype)


def _above(encoded: Tensor, depth: int) -> Tensor:
    """By least squares, in the dtype of `encoded`."""
    back = torch.linalg.pinv(torch.tensor(ENCODE_W, dtype=torch.float64)).tolist()
    return ascend(encoded, depth, back, (encoded.shape[1] * SIDE**depth, encoded.shape[2] * SIDE**depth))


def _alike(found: Tensor, encoded: Tensor) -> bool:
    """Whether what was found, in float64, is `encoded` but for the rounding of its dtype."""
    bound = 8 * torch.finfo(encoded.dtype).eps * encoded.double().norm()
    return bool((found - encoded.double()).norm() <= bound)
