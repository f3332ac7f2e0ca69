"""Time STL products against cuBLAS on a GPU and record the figures, in under eight minutes.

    python benchmarks/gpu_layer.py [--cases 8192:32,40,49 16384:32,49 4096:32,40,49] [--precision bf16] [--minutes 7]

For every size and rank, with the weight encoded beforehand: torch.mm, the operator whole and by panels of several
heights, with channels in float32 and in the operands' dtype; the three passes; and the bandwidth of encode and decode
against a copy of as many bytes. Everything takes turns with torch.mm in one run, on random data; ratios are taken turn
by turn, and medians are kept. Calls are replayed as CUDA graphs, so that what is timed is the GPU; dense and operator
are also timed as Python starts them. Without a GPU it says so, records nothing and exits 0. Encoders as in
benchmarks/layer.py: the catalog's best, else random coefficients.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import torch

from stl_algebra import TileEncoder
from stl_bench.commands.options import DTYPES
from stl_bench.environment import environment
from stl_bench.records import write_record
from stl_bench.timing.encoders import encoder_to_time
from stl_nn.encoder_tensors import EncoderTensors
from stl_nn.expected_error import PRECISION_OF_DTYPE
from stl_nn.reference import encode_weight
from stl_nn.timing import median_seconds, seconds

RESULTS = Path(__file__).parent / "results"
#: Size and ranks of each, the ones asked for first.
CASES = ("8192:32,40,49", "16384:32,49", "4096:32,40,49")
#: Rows of a panel that are tried beside the operator's own choice; None: all rows at once.
PANELS = (None, 1024, 2048, 4096)
#: What one timing takes at least on a GPU: calls are repeated, so that starting them does not count.
LEAST_SECONDS = 2e-3

Call = Callable[[], Any]


def measure(
    encoder: TileEncoder, size: int, dtype: torch.dtype, repeats: int, device: str | torch.device = "cuda"
) -> dict[str, Any]:
    """The figures of one encoder on one square product."""
    from stl_nn import reduced as reducing
    from stl_nn.gpu import matmul as gpu

    device = torch.device(device)
    n, m, p = encoder.format
    tensors = EncoderTensors.of(encoder, dtype, device)
    x, w = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    weight = encode_weight(w, tensors)
    encoded = gpu.encode_on_gpu(x, tensors.encode_x, n, m)
    wide_channels = gpu.channel_products(encoded, weight)
    y, copied = torch.empty_like(x), torch.empty_like(encoded)

    def operator(panel_rows: int | None = None, rows: torch.Tensor = x) -> torch.Tensor:
        return gpu.matmul_on_gpu(rows, weight, tensors, size, bias=None, activation="none", panel_rows=panel_rows)

    exact = x[:256].double() @ w.double()
    record: dict[str, Any] = {"size": size, "tile": str(encoder.format), "rank": encoder.rank, "id": encoder.digest}
    for reduced in (False, True):
        channels = wide_channels.to(dtype) if reduced else wide_channels
        calls: dict[str, Call] = {
            "dense": lambda: torch.mm(x, w),
            "chosen": operator,
            "encode": lambda: gpu.encode_on_gpu(x, tensors.encode_x, n, m),
            "products": partial(gpu.channel_products, encoded, weight, reduced),
            "decode": partial(gpu.decode_on_gpu, channels, tensors.decode, n, p, y),
            "copy": lambda: copied.copy_(encoded),
        }
        panels = {f"panel_{rows or 'all'}": rows or ceil(size / n) * n for rows in PANELS if (rows or 0) < size}
        calls |= {name: partial(operator, rows) for name, rows in panels.items()}
        reducing.allow_reduced_channels = reduced
        try:
            turns = timed_in_turns(calls, device, repeats)
            started = median_seconds({name: calls[name] for name in ("dense", "chosen")}, device, repeats)
            error = operator(rows=x[:256]).double() - exact
        finally:
            reducing.allow_reduced_channels = None

        def gain(name: str, over: str = "dense", turns: dict[str, list[float]] = turns) -> float:
            return median(a / b for a, b in zip(turns[over], turns[name], strict=True))

        copy = 2 * encoded.nbytes
        gains = {name: gain(name) for name in ("chosen", *panels)}
        record["reduced_channels" if reduced else "float32_channels"] = {
            "seconds": {name: median(taken) for name, taken in turns.items()},
            "seconds_started_by_python": started,
            "speedup": gains["chosen"],
            "speedups": gains,
            "speedup_best_panel": max(gains.values()),
            "encode_of_copy_bandwidth": (x.nbytes + encoded.nbytes) / copy * gain("encode", "copy"),
            "decode_of_copy_bandwidth": (channels.nbytes + y.nbytes) / copy * gain("decode", "copy"),
            "copy_bytes_per_second": copy / median(turns["copy"]),
            "measured_error": float(error.square().sum() / exact.square().sum()),
            "predicted_error": encoder.error_at(PRECISION_OF_DTYPE[dtype]),
        }
    return record


def timed_in_turns(calls: dict[str, Call], device: torch.device, repeats: int) -> dict[str, list[float]]:
    """Seconds of each call in every turn, in which all are timed; a first turn does not count."""
    ready = {name: as_graph(call, device) for name, call in calls.items()}
    first = {name: seconds(call, device) for name, call in ready.items()}
    times = {name: ceil(LEAST_SECONDS / taken) if device.type == "cuda" else 1 for name, taken in first.items()}

    def several(name: str) -> None:
        for _ in range(times[name]):
            ready[name]()

    turns: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(repeats):
        for name, taken in turns.items():
            taken.append(seconds(partial(several, name), device) / times[name])
    return turns


def as_graph(call: Call, device: torch.device) -> Call:
    """The call with its kernels recorded, on a GPU; the first call, which may compile and tune, goes before."""
    if device.type != "cuda":
        return call
    call()
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def run(
    cases: Sequence[str], precision: str, repeats: int, minutes: float, path: Path, device: str = "cuda"
) -> list[dict[str, Any]]:
    """Measure all cases there is time for, and write the record after each."""
    began = time.monotonic()
    records: list[dict[str, Any]] = []
    torch.manual_seed(0)
    for size, rank in ((int(size), int(rank)) for size, ranks in map(_parts, cases) for rank in ranks.split(",")):
        if time.monotonic() - began > 60 * minutes:
            print(f"out of time: {size}³ rank {rank} is left out")
            continue
        encoder, source = encoder_to_time(rank, precision)
        record = measure(encoder, size, getattr(torch, DTYPES[precision]), repeats, device)
        records.append({**record, "encoder": source})
        print(_sentence(record), flush=True)
        on_gpu = device == "cuda"
        gpu = {"name": torch.cuda.get_device_name() if on_gpu else device, "cuda": torch.version.cuda}
        summary = {"benchmark": "gpu_layer", "precision": precision, "gpu": gpu, "results": records}
        write_record(path, {**summary, **environment(0)})
        if on_gpu:
            torch.cuda.empty_cache()
    return records


def _parts(case: str) -> tuple[str, str]:
    size, _, ranks = case.partition(":")
    return size, ranks


def _sentence(record: dict[str, Any]) -> str:
    wide, reduced = record["float32_channels"], record["reduced_channels"]
    whole, best = wide["speedups"]["panel_all"], wide["speedup_best_panel"]
    encode, decode = (wide[f"{name}_of_copy_bandwidth"] for name in ("encode", "decode"))
    return (
        f"{record['size']}³ rank {record['rank']}: {wide['speedup']:.2f}× cuBLAS ({whole:.2f}× without panels, "
        f"{best:.2f}× at best), {reduced['speedup']:.2f}× by reduced channels; "
        f"encode {encode:.0%}, decode {decode:.0%} and {reduced['decode_of_copy_bandwidth']:.0%} of copy bandwidth"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=CASES, help="SIZE:RANK,RANK,...")
    parser.add_argument("--precision", choices=list(DTYPES), default="bf16")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--minutes", type=float, default=7.0, help="start nothing new after this long")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("No CUDA device is available here: nothing measured, nothing recorded.")
        return 0
    path = RESULTS / f"gpu_layer-{arguments.precision}.json"
    if run(arguments.cases, arguments.precision, arguments.repeats, arguments.minutes, path):
        print(f"recorded in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
