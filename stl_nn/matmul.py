"""The STL operator as one functional call."""

from __future__ import annotations

import torch
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.activation import check_activation
from stl_nn.backend import choose_backend
from stl_nn.encoder_tensors import EncoderTensors, OneEncoder
from stl_nn.ops import matmul
from stl_nn.reference import reference_matmul

#: What a layer computes in. Lower precisions reach a layer through autocast or their own kernels.
FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def stl_matmul(
    x: Tensor,
    encoded_weight: Tensor,
    encoder: OneEncoder | EncoderTensors,
    *,
    out_features: int | None = None,
    bias: Tensor | None = None,
    activation: str = "none",
    backend: str = "auto",
) -> Tensor:
    """activation(X W + bias), with W encoded beforehand by `encode_weight`.

    It is differentiable in x, encoded_weight, bias, and the tensors of `encoder`. Sums are in float32 (float64 for
    float64), and so are channel products, unless bfloat16 does for them, see `stl_nn.reduced`.

    Parameters
    ----------
    x : Tensor
        (..., K). The leading axes are flattened to M rows, n consecutive rows form a tile, and the last tile is
        filled with zero rows.
    encoded_weight : Tensor
        (r, ⌈K/m⌉, ⌈N/p⌉), of x's dtype; with a depth d (r·7^d, …), over tiles that are 2^d as large.
    encoder : TileEncoder, Entry or EncoderTensors
        The encoder, as `EncoderTensors` or as what these are made of.
    out_features : int or None
        N, at most p·⌈N/p⌉, which it is if left out.
    bias : Tensor or None
        (N,) or None.
    activation : str
        "none", "relu", "silu", "gelu" or "gelu_tanh".
    backend : str
        "kernels" (numba on a CPU, Triton on CUDA), "reference" (reshape, matmul and bmm), or "auto": kernels if there
        are any and nothing is being exported.

    Returns
    -------
    Tensor
        (..., N), of x's dtype.

    Raises
    ------
    InvalidInput
        If shapes, dtypes or devices do not fit each other.

    References
    ----------
    The Strassen-Tile operator: arXiv 2503.12211.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_nn.reference import encode_weight
    >>> enc = EncoderTensors.of(strassen(), torch.float64)
    >>> x, w = torch.ones(2, 5, 4, dtype=torch.float64), torch.ones(4, 3, dtype=torch.float64)
    >>> stl_matmul(x, encode_weight(w, enc), enc, out_features=3).shape
    torch.Size([2, 5, 3])
    """
    tensors = EncoderTensors.of(encoder, x.dtype, x.device).within(x.dtype)
    check_activation(activation)
    if out_features is None:
        out_features = encoded_weight.shape[-1] * tensors.tile.p
    check_operands(x, encoded_weight, tensors, out_features)
    rows = x.reshape(-1, x.shape[-1])
    if choose_backend(x, backend) == "reference":
        y = reference_matmul(rows, encoded_weight, tensors, out_features, bias=bias, activation=activation)
    else:
        y = matmul(
            rows,
            encoded_weight,
            tensors.encode_x,
            tensors.decode,
            bias,
            list(tensors.format),
            out_features,
            activation,
            tensors.reduced_channels,
            tensors.depth,
        )
    return y.reshape(*x.shape[:-1], out_features)


def check_operands(x: Tensor, encoded_weight: Tensor, encoder: EncoderTensors, out_features: int) -> None:
    """Check that the operands of `stl_matmul` fit each other.

    Parameters
    ----------
    x, encoded_weight : Tensor
        As of `stl_matmul`.
    encoder : EncoderTensors
        As of `stl_matmul`.
    out_features : int
        As of `stl_matmul`.

    Raises
    ------
    InvalidInput
        If they do not, in one sentence.
    """
    if x.dtype not in FLOATING:
        raise InvalidInput(
            f"an input of dtype {_name(x.dtype)} cannot be encoded; convert it to float32, bfloat16, float16 or float64"
        )
    if x.dtype != encoded_weight.dtype:
        raise InvalidInput(
            f"the input is {_name(x.dtype)} and the weight {_name(encoded_weight.dtype)}; convert one to the other"
        )
    if x.device != encoded_weight.device:
        raise InvalidInput(f"the input is on {x.device} and the weight on {encoded_weight.device}; move one of them")
    _, m, p = encoder.tile
    if encoded_weight.dim() != 3 or encoded_weight.shape[0] != encoder.channels:
        raise InvalidInput(
            f"an encoded weight of shape {tuple(encoded_weight.shape)} does not fit an encoder of rank "
            f"{encoder.channels}; it must be (rank, ⌈K/m⌉, ⌈N/p⌉)"
        )
    if x.dim() == 0 or -(-x.shape[-1] // m) != encoded_weight.shape[1]:
        raise InvalidInput(
            f"an input of shape {tuple(x.shape)} does not fit a weight of {encoded_weight.shape[1]} tiles of {m} rows; "
            "its last axis must hold the input features"
        )
    if not 0 <= encoded_weight.shape[2] * p - out_features < p:
        raise InvalidInput(
            f"{out_features} output features do not fit a weight of {encoded_weight.shape[2]} tiles of {p} columns"
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
