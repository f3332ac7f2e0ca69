"""What encoders gain and cost on one layer's shape, measured on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.linear import STLLinear
from stl_nn.recursion import whole_ratio
from stl_nn.timing import median_seconds

#: Break-even is looked for among these numbers of rows, up to the rows asked for.
ROWS = tuple(2**k for k in range(4, 15))
#: Encoders measured where no ranks are named.
MOST_ENCODERS = 8


@dataclass(frozen=True)
class Advice:
    """One encoder on one shape.

    speedup          dense seconds over its own, medians of one run
    error            relative output error for independent inputs, at the precision
    extra_bytes      memory for the encoded weight beyond the dense one's
    break_even_rows  least number of rows measured from which on it is faster; None: at none of them
    """

    id: str
    tile: str
    rank: int
    multiplications: float
    seconds: float
    speedup: float
    error: float
    extra_bytes: int
    break_even_rows: int | None


@dataclass(frozen=True)
class LayerAdvice:
    """The dense layer and every encoder measured against it, the fastest first."""

    rows: int
    in_features: int
    out_features: int
    precision: str
    dense_seconds: float
    advice: tuple[Advice, ...]

    @property
    def verdict(self) -> str:
        """The plain sentence: which encoder wins, or that dense does."""
        shape = f"{self.rows} rows, {self.in_features} × {self.out_features}, {self.precision}"
        best = max(self.advice, key=lambda advice: advice.speedup)
        if best.speedup <= 1:
            return f"Dense wins: no encoder measured is faster on {shape} (the best is at {best.speedup:.2f}×)."
        return (
            f"On {shape}, rank {best.rank} of {best.tile} is the fastest: {best.speedup:.2f}× dense, "
            f"at a relative error of {best.error:.2g}."
        )

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def advise(
    encoders: Sequence[TileEncoder],
    rows: int,
    in_features: int,
    out_features: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    repeats: int = 5,
    seed: int = 0,
    depth: int = 0,
) -> LayerAdvice:
    """Time nn.Linear and STLLinear, of some depth, with each encoder on random data of one shape.

    Raises InvalidInput where there is nothing to measure.

    >>> from stl_algebra import strassen
    >>> advise([strassen()], 8, 8, 8, repeats=1).advice[0].rank
    7
    """
    if not encoders:
        raise InvalidInput("there is no encoder to measure; name a tile or rank that the catalog holds")
    if min(rows, in_features, out_features) < 1:
        raise InvalidInput(f"{rows} rows, {in_features} × {out_features} is no shape; give positive numbers")
    device = torch.device(device)
    torch.manual_seed(seed)
    linear = nn.Linear(in_features, out_features, bias=False, device=device, dtype=dtype).eval()
    x = torch.randn(rows, in_features, device=device, dtype=dtype)
    precision = PRECISION_OF_DTYPE[dtype]
    advice = []
    dense = []
    for encoder in encoders:
        # One encoder at a time: their encoded weights together may not fit in memory.
        layer = STLLinear.from_linear(linear, encoder, depth=depth).eval()
        timed = _against_dense(linear, layer, x, repeats)
        dense.append(timed["dense"])
        assert layer.encoded_weight is not None
        whole = layer.encoder_tensors()
        size = layer.encoded_weight.element_size()
        advice.append(
            Advice(
                encoder.digest,
                str(whole.tile),
                whole.channels,
                whole_ratio(encoder, depth),
                timed["stl"],
                timed["dense"] / timed["stl"],
                encoder.error_at(precision),
                (layer.encoded_weight.numel() - linear.weight.numel()) * size,
                break_even_rows(linear, layer, most=rows),
            )
        )
    advice.sort(key=lambda one: -one.speedup)
    return LayerAdvice(rows, in_features, out_features, precision.name, min(dense), tuple(advice))


def spread(encoders: Sequence[TileEncoder], most: int) -> list[TileEncoder]:
    """At most so many encoders, evenly spread over the ranks there are, the lowest and the highest among them.

    >>> from stl_algebra import classical, Format
    >>> [one.rank for one in spread([classical(Format(1, 1, size)) for size in range(1, 10)], 3)]
    [1, 5, 9]
    """
    ordered = sorted(encoders, key=lambda encoder: encoder.rank)
    if len(ordered) <= most:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (most - 1))] for place in range(most)]


def break_even_rows(linear: nn.Linear, layer: STLLinear, most: int = ROWS[-1], repeats: int = 3) -> int | None:
    """The least of ROWS (and `most`) from which on the layer is faster than the dense one, measured; None: at none.

    >>> from stl_algebra import classical, Format
    >>> linear = nn.Linear(32, 32)
    >>> break_even_rows(linear, STLLinear.from_linear(linear, classical(Format(2, 2, 2))), most=16) in (None, 16)
    True
    """
    found = None
    for rows in sorted({*(rows for rows in ROWS if rows < most), most}, reverse=True):
        x = torch.randn(rows, layer.in_features, device=linear.weight.device, dtype=linear.weight.dtype)
        timed = _against_dense(linear, layer, x, repeats)
        if timed["stl"] >= timed["dense"]:
            break
        found = rows
    return found


@torch.inference_mode()
def _against_dense(linear: nn.Linear, layer: STLLinear, x: torch.Tensor, repeats: int) -> dict[str, float]:
    candidates = {"dense": lambda: linear(x), "stl": lambda: layer(x)}
    return median_seconds(candidates, x.device, repeats)
