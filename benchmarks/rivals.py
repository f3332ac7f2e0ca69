"""Time a linear layer by STL beside what a user would take instead, with the error of each beside its time.

    python benchmarks/rivals.py [--size 4096] [--threads 2] [--repeats 7]

Rows: dense in fp32 by torch and by numpy, dense in fp64 and bf16, int8 quantised dynamically by torch, and STL with
exact and approximate encoders. All take turns in one process; weights are prepared beforehand, as in a layer. Errors
are squared, relative to the output in float64. Writes benchmarks/results/rivals.json.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from catalog import Catalog
from stl_bench.environment import environment
from stl_bench.records import write_record
from stl_nn import STLLinear

RESULTS = Path(__file__).parent / "results"
SEED = 0
#: The ranks of ⟨4,4,4⟩ that are timed, by type.
RANKS = {torch.float32: (48, 46, 40, 32), torch.float64: (48,), torch.bfloat16: (48,)}
NAMES = {torch.float32: "fp32", torch.float64: "fp64", torch.bfloat16: "bf16"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    linear = nn.Linear(options.size, options.size, bias=False).requires_grad_(False)
    x = torch.randn(options.size, options.size)
    ways = candidates(linear, x)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    errors: dict[str, float] = {}
    exact = x.double() @ linear.weight.double().T
    with torch.inference_mode():
        for turn in range(options.repeats + 1):  # the first turn, which may compile, does not count
            for name, way in ways.items():
                started = time.perf_counter()
                out = way()
                taken = time.perf_counter() - started
                if turn:
                    seconds[name].append(taken)
                else:
                    errors[name] = float(((out.double() - exact) ** 2).sum() / (exact**2).sum())
    rows = []
    for name, measured in seconds.items():
        low, middle, high = quantiles(measured, n=4, method="inclusive")
        rows.append({"name": name, "seconds": middle, "quartiles": [low, high], "error": errors[name]})
        print(f"{name:30} {middle * 1e3:8.1f} ms  error {errors[name]:.2g}", flush=True)
    record = {"benchmark": "rivals", "size": options.size, "results": rows, **environment(SEED, "numpy", "torch")}
    write_record(RESULTS / "rivals.json", record)
    return 0


def candidates(linear: nn.Linear, x: Tensor) -> dict[str, Callable[[], Tensor]]:
    """Make every way to apply a layer to an input, by name.

    Parameters
    ----------
    linear : Linear
        The layer in float32, without bias.
    x : Tensor
        The input, (rows, in_features) in float32.

    Returns
    -------
    dict
        From the name of a way to a function that returns its output.
    """
    weight = linear.weight
    numpy_x, numpy_w = x.numpy(), np.ascontiguousarray(weight.numpy().T)
    ways: dict[str, Callable[[], Tensor]] = {
        "dense fp32, torch": lambda: nn.functional.linear(x, weight),
        "dense fp32, numpy": lambda: torch.from_numpy(numpy_x @ numpy_w),
    }
    wide, wide_weight = x.double(), weight.double()
    ways["dense fp64, torch"] = lambda: nn.functional.linear(wide, wide_weight)
    narrow, narrow_weight = x.bfloat16(), weight.bfloat16()
    ways["dense bf16"] = lambda: nn.functional.linear(narrow, narrow_weight)
    quantised = _quantised(linear)
    ways["dense int8, dynamic"] = lambda: quantised(x)
    for dtype, ranks in RANKS.items():
        for rank in ranks:
            encoder = Catalog.default().best(4, rank, "bf16" if dtype == torch.bfloat16 else "fp32")
            layer = STLLinear.from_linear(_as(linear, dtype), encoder)
            ways[f"STL r={rank}, {NAMES[dtype]}"] = _applied(layer.eval(), x.to(dtype))
    return ways


def _as(linear: nn.Linear, dtype: torch.dtype) -> nn.Linear:
    """Copy a layer in another type."""
    copy = nn.Linear(linear.in_features, linear.out_features, bias=False, dtype=dtype).requires_grad_(False)
    copy.weight.copy_(linear.weight)
    return copy


def _applied(layer: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    return lambda: layer(x)


def _quantised(linear: nn.Linear) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that torchao is to do this one day
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(linear), {nn.Linear}, dtype=torch.qint8)


if __name__ == "__main__":
    sys.exit(main())
