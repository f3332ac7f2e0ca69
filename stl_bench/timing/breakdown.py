"""Where the time of one STL product goes: encode, channel products, decode, against the dense product."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from stl_algebra import TileEncoder
from stl_nn.cpu.matmul import decode_on_cpu, encode_on_cpu
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.matmul import stl_matmul
from stl_nn.reference import encode_weight
from stl_nn.timing import median_seconds


@dataclass(frozen=True)
class MatmulTiming:
    """The times of one encoder on one (M, K, N) product; seconds are medians of one run in which all took turns.

    Parameters
    ----------
    id : str
        The id of the encoder.
    tile : str
        Its format.
    rank : int
        Its rank.
    depth : int
        Levels of Strassen's scheme in the channels; they are part of encoding and decoding.
    size : tuple[int, int, int]
        (M, K, N).
    precision : str
        The precision of operands and result, such as "fp32".
    dense_seconds : float
        Seconds of the dense product.
    seconds : float
        Seconds of the operator, which takes the three passes by panels.
    encode_seconds : float
        Seconds to encode the whole of X, into memory that is there already.
    products_seconds : float
        Seconds of all channel products.
    decode_seconds : float
        Seconds to decode the whole of Y.
    predicted_error : float
        The error of the encoder at the precision, for independent inputs.
    measured_error : float
        ‖Ŷ − XW‖² / ‖XW‖² on the data timed, against float64 on a part of the rows.
    """

    id: str
    tile: str
    rank: int
    depth: int
    size: tuple[int, int, int]
    precision: str
    dense_seconds: float
    seconds: float
    encode_seconds: float
    products_seconds: float
    decode_seconds: float
    predicted_error: float
    measured_error: float

    @property
    def speedup(self) -> float:
        """Dense seconds over those of the operator."""
        return self.dense_seconds / self.seconds

    @property
    def transform_share(self) -> float:
        """Encode and decode, as a part of the three passes."""
        transform = self.encode_seconds + self.decode_seconds
        return transform / (transform + self.products_seconds)

    def as_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON.

        Returns
        -------
        dict[str, Any]
            The fields by name, `speedup` and `transform_share`.
        """
        return {**asdict(self), "speedup": self.speedup, "transform_share": self.transform_share}


def encode(x: Tensor, encoder: EncoderTensors, out: Tensor) -> None:
    """Encode a matrix: the first pass of the operator.

    Parameters
    ----------
    x : Tensor
        (M, K).
    encoder : EncoderTensors
        The encoder as tensors.
    out : Tensor
        Where the channels go on a CPU; on a GPU they go into new memory.
    """
    n, m, _ = encoder.format
    if x.device.type == "cpu":
        encode_on_cpu(x, encoder.encode_x, n, m, encoder.depth, out=out)
    else:
        torch.ops.stl.encode_tiles(x, encoder.encode_x, n, m, encoder.depth)


def decode(channels: Tensor, encoder: EncoderTensors, out: Tensor) -> None:
    """Decode channels: the last pass of the operator.

    Parameters
    ----------
    channels : Tensor
        The channel products.
    encoder : EncoderTensors
        The encoder as tensors.
    out : Tensor
        (M, N), where the result goes on a CPU; on a GPU it goes into new memory.
    """
    n, _, p = encoder.format
    if channels.device.type == "cpu":
        decode_on_cpu(channels, encoder.decode, n, p, out, encoder.depth)
    else:
        torch.ops.stl.decode_tiles(channels, encoder.decode, n, p, *out.shape, encoder.depth)


@torch.inference_mode()
def time_matmul(
    encoder: TileEncoder,
    size: tuple[int, int, int],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    repeats: int = 5,
    seed: int = 0,
    depth: int = 0,
) -> MatmulTiming:
    """Time X W dense and by an encoder, with normal random X and W; W is encoded beforehand.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    size : tuple[int, int, int]
        (M, K, N): X is (M, K) and W is (K, N).
    dtype : torch.dtype
        The dtype of operands and results.
    device : torch.device or str
        The device to time on.
    repeats : int
        Timed runs of each candidate; their median counts.
    seed : int
        The seed of the random data.
    depth : int
        Levels of Strassen's scheme in the channels.

    Returns
    -------
    MatmulTiming
        The times, and the error measured beside the one predicted.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> time_matmul(strassen(), (8, 8, 8), repeats=1).rank
    7
    """
    device = torch.device(device)
    torch.manual_seed(seed)
    rows, inner, outer = size
    n = encoder.format.n
    tensors = EncoderTensors.of(encoder, dtype, device, depth)
    x = torch.randn(rows, inner, device=device, dtype=dtype)
    w = torch.randn(inner, outer, device=device, dtype=dtype)
    weight = encode_weight(w, tensors)
    encoded = torch.ops.stl.encode_tiles(x, tensors.encode_x, n, encoder.format.m, depth)
    channels, y = torch.bmm(encoded, weight), x.new_empty(rows, outer)
    taken = median_seconds(
        {
            "dense": lambda: torch.mm(x, w),
            "stl": lambda: stl_matmul(x, weight, tensors, out_features=outer),
            "encode": lambda: encode(x, tensors, encoded),
            "products": lambda: torch.bmm(encoded, weight, out=channels),
            "decode": lambda: decode(channels, tensors, y),
        },
        device,
        repeats,
    )
    precision = PRECISION_OF_DTYPE[dtype]
    some = x[: max(n, min(rows, 256) // n * n)]
    exact = some.double() @ w.double()
    difference = stl_matmul(some, weight, tensors, out_features=outer).double() - exact
    return MatmulTiming(
        encoder.digest,
        str(encoder.format),
        encoder.rank,
        depth,
        size,
        precision.name,
        taken["dense"],
        taken["stl"],
        taken["encode"],
        taken["products"],
        taken["decode"],
        encoder.error_at(precision),
        float(difference.square().sum() / exact.square().sum()),
    )
