"""Time STL products against the dense one on a CPU and record the figures.

    python benchmarks/layer.py [--size 4096] [--ranks 32,40,48,49] [--depths 0,1,2] [--precision fp32] [--repeats 5]

Writes benchmarks/results/layer-PRECISION.json. Encoders are the catalog's best; where it holds none of a rank, random
coefficients take its place and the record says so: time depends on format and rank alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

# A script's own folder comes first on the path, and benchmarks/catalog.py must not stand in for the package.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != HERE)]

from benchmarks.recorded import write_record
from catalog import Catalog
from stl_algebra import Format, InvalidInput, TileEncoder
from stl_nn.breakdown import MatmulTiming, time_matmul
from stl_nn.commands.options import DTYPES
from stl_nn.models.measurement import circumstances

RESULTS = HERE / "results"


def encoder_of(rank: int, precision: str) -> tuple[TileEncoder, str]:
    """The catalog's best ⟨4,4,4⟩ encoder of a rank, or one of random coefficients, and which it is."""
    try:
        return Catalog.default().best(4, rank, precision), "catalog"
    except InvalidInput:
        rng = np.random.default_rng(rank)
        u, v, w = (rng.standard_normal(shape) / 4 for shape in ((rank, 16), (rank, 16), (16, rank)))
        return TileEncoder(Format(4, 4, 4), u, v, w), "random coefficients"


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
        encoder, source = encoder_of(rank, arguments.precision)
        for depth in map(int, arguments.depths.split(",")):
            timing = time_matmul(encoder, size, dtype=dtype, repeats=arguments.repeats, depth=depth)
            print(_sentence(timing, source), flush=True)
            records.append({**timing.as_json(), "encoder": source})
    record = {"benchmark": "layer", "size": arguments.size, "results": records, **circumstances(0)}
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
