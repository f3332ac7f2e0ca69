"""What encoders gain and cost on one layer's shape, measured on this machine.

Each encoder is timed once, on enough rows to show how fast it is; those that may pay are measured in full. Time depends
on format and rank, not on coefficients, so the best encoder of each format and rank is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_bench.timing.advice import Advice, LayerAdvice, fastest_first, worth_measuring
from stl_nn.break_even import against_dense, break_even_rows
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.linear import STLLinear
from stl_nn.matmul import stl_matmul
from stl_nn.options import LayerOptions
from stl_nn.recursion import composed_ratio
from stl_nn.tiling import tile_count
from stl_nn.timing import median_seconds, seconds

#: The largest number of encoders measured in full, by default.
MOST_ENCODERS = 8
#: Seconds of the dense product that one timing is to take, and the rows it has at least.
ONCE_SECONDS, ONCE_ROWS = 0.15, 256

#: Takes what is being done, and for how many of how many encoders it is done.
Progress = Callable[[str, int, int], None]


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
    progress: Progress = lambda doing, done, total: None,  # noqa: ARG005
) -> LayerAdvice:
    """Time nn.Linear, and STLLinear with each encoder, on random data of one shape.

    At most `most` encoders are measured in full. If there are more, `worth_measuring` chooses among those that are not
    much slower than dense.

    Parameters
    ----------
    encoders : sequence of TileEncoder
        The encoders, at least one.
    rows : int
        Rows of the input.
    in_features : int
        K.
    out_features : int
        N.
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
    most : int
        The largest number of encoders to measure in full.
    progress : Progress
        Called with what is being done, and with how many encoders of how many it is done for.

    Returns
    -------
    LayerAdvice
        The advice.

    Raises
    ------
    InvalidInput
        If there is nothing to measure.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> advise([strassen()], 8, 8, 8, repeats=1).advice[0].rank
    7
    """
    if not encoders:
        raise InvalidInput("no encoder is left to measure; name a tile or rank that the catalog holds")
    if min(rows, in_features, out_features) < 1:
        raise InvalidInput(
            f"a layer of {in_features} × {out_features} on {rows} rows has no shape; give positive numbers"
        )
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
            composed_ratio(encoder, depth),
            dense / speedup,
            speedup,
            encoder.error_at(precision),
            (_encoded_numbers(whole, linear) - linear.weight.numel()) * x.element_size(),
            None,
            timed_once=True,
        )
        timed[advice] = encoder
        progress("timing once", len(timed), len(encoders))
    del store
    chosen = worth_measuring(list(timed), most)
    in_full = []
    for advice in chosen:
        layer = STLLinear.from_linear(linear, timed[advice], LayerOptions(depth=depth)).eval()
        taken = against_dense(linear, layer, x, repeats)
        pays = break_even_rows(linear, layer, most=rows) if taken["stl"] < taken["dense"] else None
        gain = taken["dense"] / taken["stl"]
        in_full.append(replace(advice, seconds=taken["stl"], speedup=gain, break_even_rows=pays, timed_once=False))
        dense = min(dense, taken["dense"])
        progress("measuring in full", len(in_full), len(chosen))
    once = [advice for advice in timed if advice not in chosen]
    ranked = (*sorted(in_full, key=fastest_first), *sorted(once, key=fastest_first))
    return LayerAdvice(rows, in_features, out_features, precision.name, dense, ranked, once_rows)


@torch.inference_mode()
def _speedup_once(whole: EncoderTensors, linear: nn.Linear, x: Tensor, store: Tensor) -> float:
    """Time one run beside a dense one, with random numbers of `store` in the place of encoded weights.

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


@torch.inference_mode()
def _dense_seconds(linear: nn.Linear, x: Tensor, repeats: int) -> float:
    return median_seconds({"dense": lambda: linear(x)}, x.device, repeats)["dense"]
