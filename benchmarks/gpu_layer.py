"""Time STL products against cuBLAS on a GPU and record the figures, in under eight minutes.

    python benchmarks/gpu_layer.py [--sizes 4096,8192,16384] [--ranks 32,40,49] [--precision bf16] [--minutes 7]

For every size and rank: torch.mm, the operator whole and by panels of several heights, with channels in float32 and
in the operands' dtype; the three passes; and the bandwidth of encode and decode against a copy of as many bytes.
Everything takes turns with torch.mm in one run, on random data; medians are kept. Without a GPU it says so, records
nothing and exits 0. Encoders as in benchmarks/layer.py: the catalog's best, else random coefficients.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

# Not this folder, where a catalog.py would hide the package of that name.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import torch  # noqa: E402

from benchmarks.layer import RESULTS, encoder_of  # noqa: E402
from stl_algebra import TileEncoder  # noqa: E402
from stl_nn.commands.options import DTYPES  # noqa: E402
from stl_nn.encoder_tensors import EncoderTensors  # noqa: E402
from stl_nn.expected_error import PRECISION_OF_DTYPE  # noqa: E402
from stl_nn.models.measurement import circumstances  # noqa: E402
from stl_nn.reference import encode_weight  # noqa: E402
from stl_nn.timing import median_seconds  # noqa: E402

#: Rows of a panel that are tried beside the operator's own choice; None: all rows at once.
PANELS = (None, 1024, 2048, 4096)


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
    channels = gpu.channel_products(encoded, weight)
    y = torch.empty_like(x)

    def operator(panel_rows: int | None) -> torch.Tensor:
        return gpu.matmul_on_gpu(
            x, weight, tensors, size, bias=None, activation="none", panel_rows=panel_rows or -(-size // n) * n
        )

    calls: dict[str, Any] = {
        "dense": lambda: torch.mm(x, w),
        "chosen": lambda: gpu.matmul_on_gpu(x, weight, tensors, size, bias=None, activation="none"),
        "encode": lambda: gpu.encode_on_gpu(x, tensors.encode_x, n, m),
        "products": lambda: gpu.channel_products(encoded, weight, reducing.allow_reduced_channels is True),
        "decode": lambda: gpu.decode_on_gpu(channels, tensors.decode, n, p, y),
        "copy_encoded": encoded.clone,
    }
    calls |= {f"panel_{rows or 'all'}": (lambda rows=rows: operator(rows)) for rows in PANELS if (rows or 0) < size}
    record: dict[str, Any] = {"size": size, "tile": str(encoder.format), "rank": encoder.rank, "id": encoder.digest}
    for reduced in (False, True):
        reducing.allow_reduced_channels = reduced
        try:
            taken = median_seconds(calls, device, repeats)
            error = _error(x[:256], w, operator_rows(x[:256], weight, tensors, size))
        finally:
            reducing.allow_reduced_channels = None
        copy = 2 * encoded.nbytes / taken["copy_encoded"]
        best = min(value for name, value in taken.items() if name == "chosen" or name.startswith("panel_"))
        record["reduced_channels" if reduced else "float32_channels"] = {
            "seconds": taken,
            "speedup": taken["dense"] / taken["chosen"],
            "speedup_best_panel": taken["dense"] / best,
            "encode_of_copy_bandwidth": (x.nbytes + encoded.nbytes) / taken["encode"] / copy,
            "decode_of_copy_bandwidth": (channels.nbytes + y.nbytes) / taken["decode"] / copy,
            "measured_error": error,
            "predicted_error": encoder.error_at(PRECISION_OF_DTYPE[dtype]),
        }
        channels = channels.to(dtype)
    return record


def operator_rows(x: torch.Tensor, weight: torch.Tensor, tensors: EncoderTensors, columns: int) -> torch.Tensor:
    """The operator on a few rows."""
    from stl_nn.gpu.matmul import matmul_on_gpu

    return matmul_on_gpu(x, weight, tensors, columns, bias=None, activation="none")


def _error(x: torch.Tensor, w: torch.Tensor, found: torch.Tensor) -> float:
    exact = x.double() @ w.double()
    return float((found.double() - exact).square().sum() / exact.square().sum())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="4096,8192,16384")
    parser.add_argument("--ranks", default="32,40,49")
    parser.add_argument("--precision", choices=list(DTYPES), default="bf16")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=7.0, help="start nothing new after this long")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("No CUDA device is available here: nothing measured, nothing recorded.")
        return 0
    began = time.monotonic()
    records: list[dict[str, Any]] = []
    torch.manual_seed(0)
    for size in map(int, arguments.sizes.split(",")):
        for rank in map(int, arguments.ranks.split(",")):
            if time.monotonic() - began > 60 * arguments.minutes:
                print(f"out of time: {size}³ rank {rank} and what follows is left out")
                break
            encoder, source = encoder_of(rank, arguments.precision)
            record = measure(encoder, size, getattr(torch, DTYPES[arguments.precision]), arguments.repeats)
            records.append({**record, "encoder": source})
            wide, reduced = record["float32_channels"], record["reduced_channels"]
            print(
                f"{size}³ rank {rank}: {wide['speedup']:.2f}× cuBLAS, {reduced['speedup']:.2f}× by reduced channels; "
                f"encode {wide['encode_of_copy_bandwidth']:.0%}, decode {wide['decode_of_copy_bandwidth']:.0%} of copy",
                flush=True,
            )
            torch.cuda.empty_cache()
    gpu = {"name": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    summary = {"benchmark": "gpu_layer", "precision": arguments.precision, "gpu": gpu, "results": records}
    path = RESULTS / f"gpu_layer-{arguments.precision}.json"
    path.write_text(json.dumps({**summary, **circumstances(0)}, indent=2) + "\n", encoding="utf-8")
    print(f"recorded in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
