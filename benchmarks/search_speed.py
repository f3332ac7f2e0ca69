"""Figures of the search: time of a step of each kind, errors reached in a given time; recorded as JSON.

    python benchmarks/search_speed.py [--output FILE] [--quick]

Steps are medians on one thread, compilation apart. Searches are whole commands of stl-search into an empty
catalog that does not see the shipped one; their memory is the largest of any of their processes. --quick leaves
the searches out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Any

import numpy as np
from environment import environment
from threadpoolctl import threadpool_limits

from search.als import alternating_least_squares
from search.cp_model import CPModel
from search.invariant_form import Structure
from search.invariant_model import InvariantModel
from search.objective import Objective
from stl_algebra import Format

RESULTS = Path(__file__).parent / "results"
SEED = 0
#: What stl-search is asked for: its arguments after --no-shipped.
SEARCHES = (
    "--tile 4 --rank 40 --budget 10s --jobs 2",
    "--tile 4 --rank 40 --budget 60s --jobs 2",
    "--tile 3 --rank 23 --budget 60s --jobs 2",
    "--tile 3 --rank 23 --budget 60s --jobs 2 --strategy lm",
    "--tile 2x3x4 --rank 20 --budget 30s --jobs 2",
    "--tile 2x3x4 --rank 20 --budget 30s --jobs 2 --strategy lm",
    "--tile 3 --rank 20 --budget 60s --jobs 2",
    "--tile 4 --rank 32 --budget 60s --jobs 2 --precision fp8",
)


def milliseconds(work: Callable[[], object], repetitions: int) -> float:
    """The median time of a piece of work that was done twice before."""
    times = []
    for repetition in range(repetitions + 2):
        started = time.perf_counter()
        work()
        if repetition >= 2:
            times.append(1e3 * (time.perf_counter() - started))
    return round(median(times), 3)


def steps() -> dict[str, Any]:
    """One iteration at ⟨4,4,4⟩, r = 40: linearise, solve, evaluate."""
    objective = Objective.at(Format(4, 4, 4), "bf16")
    rng = np.random.default_rng(SEED)
    factors = tuple(rng.standard_normal((40, 16)) for _ in range(3))
    cyclic = InvariantModel(objective, Structure(Format(4, 4, 4), "Z3", (12, 4)).space)

    def iterate(model: CPModel | InvariantModel, point: tuple[np.ndarray, ...]) -> None:
        step = model.linearise(point).step(1.0)
        assert step is not None
        model.value(tuple(x + d for x, d in zip(point, step, strict=True)))

    u, v, w = factors
    with threadpool_limits(1):
        return {
            "levenberg_marquardt_ms": milliseconds(lambda: iterate(CPModel(objective), factors), 30),
            "levenberg_marquardt_z3_ms": milliseconds(lambda: iterate(cyclic, (cyclic.space.random_point(rng),)), 100),
            "als_sweeps_per_second": round(
                1e6 / milliseconds(lambda: alternating_least_squares(objective, (u, v, w), 1000), 5)
            ),
        }


def searched(arguments: str) -> dict[str, Any]:
    """What one search prints, how long the whole command took and its largest process."""
    with tempfile.TemporaryDirectory() as catalog:
        command = [sys.executable, "-c", "import cli; cli.search_command()", *arguments.split()]
        command += ["--seed", str(SEED), "--no-shipped", "--catalog", catalog, "--json"]
        started = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - started
    found = json.loads(result.stdout)
    kept = ("rank", "relative_error", "growth", "precision", "error_at_precision", "exact", "ring", "strategy")
    return {
        "command": f"stl-search {arguments} --seed {SEED} --no-shipped --json",
        **{key: found[key] for key in kept},
        "found_after_s": found["seconds"],
        "wall_s": round(wall, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "search_speed.json")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    record: dict[str, Any] = {**environment("numpy", "scipy", "numba"), "seed": SEED, "steps": steps()}
    print(json.dumps(record["steps"], indent=2), flush=True)
    record["searches"] = []
    for arguments in () if options.quick else SEARCHES:
        record["searches"].append(searched(arguments))
        print(json.dumps(record["searches"][-1]), flush=True)
    record["largest_process_mib"] = round(getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024)
    options.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"recorded in {options.output}")


if __name__ == "__main__":
    main()
