"""Time STL products against the dense one on a CPU and record the figures.

    python benchmarks/layer.py [--size 4096] [--ranks 32,40,48,49] [--depths 0,1,2] [--precision fp32] [--repeats 5]

Writes benchmarks/results/layer-PRECISION.json. Encoders are the catalog's best. If it holds none of a rank, random
coefficients take its place and the record says so: time depends on format and rank alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from stl_bench.commands.options import DTYPES
from stl_bench.environment import environment
from stl_bench.records import write_record
from stl_bench.timing.breakdown import MatmulTiming, time_matmul
from stl_bench.timing.encoders import encoder_to_time

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ranks", default="32,40,48,49")
    parser.add_argument("--depths", default="0,1,2", help="levels of Strassen's scheme in the channels")
    parser.add_argument("--precision", choices=list(DTYPES), default="fp32")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    size = (arguments.size,) * 3
    dtype = getattr(torch, DTYPES[arguments.precision])
    records = []
    for rank in map(int, arguments.ranks.split(",")):
        encoder, source = encoder_to_time(rank, arguments.precision)
        for depth in map(int, arguments.depths.split(",")):
            timing = time_matmul(encoder, size, dtype=dtype, repeats=arguments.repeats, depth=depth)
            print(_sentence(timing, source), flush=True)
            records.append({**timing.as_json(), "encoder": source})
    record = {"benchmark": "layer", "size": arguments.size, "results": records, **environment(0)}
    path = RESULTS / f"layer-{arguments.precision}.json"
    write_record(path, record)
    print(f"recorded in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def _sentence(timing: MatmulTiming, source: str) -> str:
    return (
        f"rank {timing.rank}, depth {timing.depth} ({source}): {timing.speedup:.2f}× dense "
        f"({timing.dense_seconds * 1e3:.0f} ms against {timing.seconds * 1e3:.0f} ms); "
        f"encode and decode take {timing.transform_share:.0%} of the passes"
    )


if __name__ == "__main__":
    sys.exit(main())
