"""What encoders gain and cost on one layer's shape, measured on this machine.

All encoders given are timed once, on rows enough to tell how fast they are, and those that may pay in full. Time
depends on format and rank, not on coefficients, so of every format and rank the best encoder is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.linear import STLLinear
from stl_nn.matmul import stl_matmul
from stl_nn.recursion import whole_ratio
from stl_nn.tiling import tile_count
from stl_nn.timing import median_seconds, seconds

#: Break-even is looked for among these numbers of rows, up to the rows asked for.
ROWS = tuple(2**k for k in range(4, 15))
#: Encoders measured in full, unless the caller says otherwise.
MOST_ENCODERS = 8
#: An encoder may pay from this speed-up on when it is timed once: that tells it to about a tenth.
NEAR = 0.9
#: What loses more than this part of the output is of no use, however fast; it is measured in full only where all do.
USEFUL = 0.5
#: Encoders with errors below this are equally good.
ROUNDING = 1e-9
#: Seconds of the dense product that one timing is to take, and rows it takes at least.
ONCE_SECONDS, ONCE_ROWS = 0.15, 256

#: Told what is being done, and how many of how many encoders that is done for.
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Advice:
    """One encoder on one shape.

    seconds          of its own; timed once: at the speed-up it had then
    speedup          dense seconds over its own, medians of one run
    error            relative output error for independent inputs, at the precision
    extra_bytes      memory for the encoded weight beyond the dense one's
    break_even_rows  least number of rows measured from which on it is faster; None: at none of them
    timed_once       whether it was, on a part of the rows perhaps; break-even is not measured then, and None
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
    timed_once: bool = False


@dataclass(frozen=True)
class LayerAdvice:
    """The dense layer and every encoder against it: those measured in full first, the fastest of either kind first.

    once_rows  rows on which the others were timed
    """

    rows: int
    in_features: int
    out_features: int
    precision: str
    dense_seconds: float
    advice: tuple[Advice, ...]
    once_rows: int

    @property
    def verdict(self) -> str:
        """In plain words: which encoder is the fastest and which the most accurate that pays, or that dense wins."""
        shape = f"{self.rows} rows, {self.in_features} × {self.out_features}, {self.precision}"
        in_full = [advice for advice in self.advice if not advice.timed_once]
        best = max(of_use(in_full) or self.advice, key=lambda advice: advice.speedup)
        if best.speedup <= 1:
            return f"Dense wins: no encoder measured is faster on {shape} (the best is at {best.speedup:.2f}×)."
        told = (
            f"On {shape}, rank {best.rank} of {best.tile} is the fastest: {best.speedup:.2f}× dense, "
            f"at a relative error of {best.error:.2g}."
        )
        close = min((one for one in in_full if one.speedup > 1), key=lambda one: one.error, default=best)
        if close.error < best.error:
            told += (
                f" Of the faster ones rank {close.rank} of {close.tile} is the most accurate: {close.speedup:.2f}×, "
                f"at {close.error:.2g}."
            )
        return told

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
    most: int = MOST_ENCODERS,
    tell: Tell = lambda doing, done, total: None,  # noqa: ARG005
) -> LayerAdvice:
    """Time nn.Linear and STLLinear, of some depth, with each encoder on random data of one shape.

    At most `most` encoders are measured in full, `repeats` times and for their break-even rows: where there are more,
    of those of some use that are not much slower than dense the ones that no other beats in both speed and error, see
    `worth_measuring`.

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
    dense = _dense_seconds(linear, x, repeats)
    once_rows = rows if dense <= ONCE_SECONDS else min(rows, max(ONCE_ROWS, int(rows * ONCE_SECONDS / dense)))
    tensors = [EncoderTensors.of(encoder, dtype, device, depth) for encoder in encoders]
    # One store for all: their encoded weights together may not fit in memory.
    store = torch.randn(max(_encoded_numbers(whole, linear) for whole in tensors), dtype=dtype, device=device)
    timed: dict[Advice, TileEncoder] = {}
    for encoder, whole in zip(encoders, tensors, strict=True):
        speedup = _speedup_once(whole, linear, x[:once_rows], store)
        advice = Advice(
            encoder.digest,
            str(whole.tile),
            whole.channels,
            whole_ratio(encoder, depth),
            dense / speedup,
            speedup,
            encoder.error_at(precision),
            (_encoded_numbers(whole, linear) - linear.weight.numel()) * x.element_size(),
            None,
            timed_once=True,
        )
        timed[advice] = encoder
        tell("timing once", len(timed), len(encoders))
    del store
    chosen = worth_measuring(list(timed), most)
    in_full = []
    for advice in chosen:
        layer = STLLinear.from_linear(linear, timed[advice], depth=depth).eval()
        taken = _against_dense(linear, layer, x, repeats)
        pays = break_even_rows(linear, layer, most=rows) if taken["stl"] < taken["dense"] else None
        gain = taken["dense"] / taken["stl"]
        in_full.append(replace(advice, seconds=taken["stl"], speedup=gain, break_even_rows=pays, timed_once=False))
        dense = min(dense, taken["dense"])
        tell("measuring in full", len(in_full), len(chosen))
    once = [advice for advice in timed if advice not in chosen]
    ranked = (*sorted(in_full, key=_fastest_first), *sorted(once, key=_fastest_first))
    return LayerAdvice(rows, in_features, out_features, precision.name, dense, ranked, once_rows)


def worth_measuring(timed: Sequence[Advice], most: int) -> list[Advice]:
    """All where they are at most so many. Else so many of those near or above dense speed and of USEFUL error, or where
    there are none of any error: the front of speed and error, evenly spread, then the fastest others; the fastest alone
    where all are slow.

    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> beaten, slow = replace(one, speedup=1.1, error=0.2), replace(one, speedup=0.5, error=0.0)
    >>> [advice.speedup for advice in worth_measuring([slow, beaten, one], 2)]
    [1.2, 1.1]
    """
    ranked = sorted(timed, key=_fastest_first)
    if len(ranked) <= most:
        return ranked
    near = [advice for advice in ranked if advice.speedup >= NEAR]
    near = of_use(near) or ranked[:1]
    front = unbeaten(near)
    if len(front) >= most:
        return spread(front, most)
    others = [advice for advice in near if advice not in front]
    return [*front, *others[: most - len(front)]]


def of_use(timed: Sequence[Advice]) -> list[Advice]:
    """Those of USEFUL error, or all where there is none.

    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> [advice.error for advice in of_use([replace(one, error=0.9), one])]
    [0.1]
    """
    return [advice for advice in timed if advice.error <= USEFUL] or list(timed)


def unbeaten(timed: Sequence[Advice]) -> list[Advice]:
    """Those that no other beats in both speed and error, the fastest first.

    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> [advice.error for advice in unbeaten([one, replace(one, speedup=1.1), replace(one, speedup=1.0, error=0.0)])]
    [0.1, 0.0]
    """
    front: list[Advice] = []
    for advice in sorted(timed, key=_fastest_first):
        if not front or max(advice.error, ROUNDING) < front[-1].error:
            front.append(advice)
    return front


def spread(ordered: Sequence[Advice], most: int) -> list[Advice]:
    """At most so many of them, evenly spread, the first and the last among them.

    >>> one = Advice("", "2x2x2", 7, 0.875, 1.0, 1.2, 0.1, 0, None)
    >>> [advice.rank for advice in spread([replace(one, rank=rank) for rank in range(1, 10)], 3)]
    [1, 5, 9]
    """
    if most == 1 or len(ordered) <= most:
        return list(ordered[:most])
    return [ordered[round(place * (len(ordered) - 1) / (most - 1))] for place in range(most)]


@torch.inference_mode()
def _speedup_once(whole: EncoderTensors, linear: nn.Linear, x: Tensor, store: Tensor) -> float:
    """The speed-up in one run beside a dense one, with random numbers of `store` in the place of encoded weights.

    Encoding them takes longer than a product of few rows, and does not change how long that takes.
    """
    weight = store[: _encoded_numbers(whole, linear)].view(_encoded_shape(whole, linear))

    def product(x: Tensor) -> Tensor:
        return stl_matmul(x, weight, whole, out_features=linear.out_features)

    product(x[: whole.tile.n])  # compiles what there is to compile
    dense = seconds(lambda: linear(x), x.device)
    return dense / seconds(lambda: product(x), x.device)


def _encoded_shape(whole: EncoderTensors, linear: nn.Linear) -> tuple[int, int, int]:
    _, m, p = whole.tile
    return whole.channels, tile_count(linear.in_features, m), tile_count(linear.out_features, p)


def _encoded_numbers(whole: EncoderTensors, linear: nn.Linear) -> int:
    return prod(_encoded_shape(whole, linear))


def _fastest_first(advice: Advice) -> float:
    return -advice.speedup


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
def _dense_seconds(linear: nn.Linear, x: Tensor, repeats: int) -> float:
    return median_seconds({"dense": lambda: linear(x)}, x.device, repeats)["dense"]


@torch.inference_mode()
def _against_dense(linear: nn.Linear, layer: STLLinear, x: Tensor, repeats: int) -> dict[str, float]:
    candidates = {"dense": lambda: linear(x), "stl": lambda: layer(x)}
    return median_seconds(candidates, x.device, repeats)
