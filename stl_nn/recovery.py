"""The dense weight behind an encoded one."""

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
    back = torch.linalg.pinv(torch.tensor(ENCODE_W, dtype=torch.float64)).tolist()
    sides = (encoded.shape[1] * SIDE**encoder.depth, encoded.shape[2] * SIDE**encoder.depth)
    channels = ascend(encoded.double(), encoder.depth, back, sides)
    dense = decode_tiles(channels, torch.linalg.pinv(encode_w), m, p)
    tiles = encoded.shape[1], encoded.shape[2]
    again = descend(encode_tiles(dense, encode_w, m, p), encoder.depth, ENCODE_W, tiles)
    distance = (again - encoded.double()).norm()
    if distance > 8 * torch.finfo(encoded.dtype).eps * encoded.double().norm():
        raise InvalidInput(
            "the encoded weight has been trained or refitted and is the encoding of no dense weight; "
            "convert with keep_dense=True to be able to revert"
        )
    return dense.to(encoded.dtype)
