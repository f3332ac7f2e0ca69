"""The closed-form error at a precision against Monte Carlo in that precision's arithmetic, for shipped encoders.

    python benchmarks/error_model.py [--output FILE] [--samples N]

One encoder a rank of ⟨4,4,4⟩ and ⟨3,3,3⟩, the shipped one of least error at the precision, at every precision.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from catalog import Catalog
from search.numerics.monte_carlo import measured_error
from stl_algebra import PRECISIONS
from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"
SEED = 0
CASES = [(4, rank) for rank in (49, 48, 46, 44, 40, 36, 32, 24, 16)] + [(3, rank) for rank in (23, 22, 20, 15)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "error_model.json")
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args()
    catalog = Catalog.default()
    rows: list[dict[str, Any]] = []
    for tile, rank in CASES:
        for precision in PRECISIONS:
            encoder = catalog.best(tile=tile, rank=rank, precision=precision)
            found = measured_error(encoder, precision, np.random.default_rng(SEED), samples=options.samples)
            model = encoder.error_at(precision)
            rows.append(
                {
                    "tile": tile,
                    "rank": encoder.rank,
                    "precision": precision,
                    "id": encoder.digest,
                    "growth": encoder.growth,
                    "model": model,
                    "measured": found.error,
                    "standard_error": found.standard_error,
                    "difference": found.error / model - 1,
                }
            )
            print(f"{tile} r={rank} {precision:9s} model {model:.4g} measured {found.error:.4g}", flush=True)
    worst = max(abs(row["difference"]) for row in rows)
    record = {**environment(SEED), "samples": options.samples, "worst": worst, "rows": rows}
    write_record(options.output, record)
    print(f"worst difference {worst:.1%}; recorded in {options.output}")


if __name__ == "__main__":
    main()
