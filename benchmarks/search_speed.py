"""Record what stl-bench search measures: times of its steps, flips, and errors reached in a given time.

    python benchmarks/search_speed.py [--output FILE] [--quick | --steps] [--long]

Runs `stl-bench search --all --json` and writes what it prints, with the memory of its largest process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from stl_bench.programs import program
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "search_speed.json")
    parser.add_argument("--quick", action="store_true", help="steps only, a tenth of them")
    parser.add_argument("--steps", action="store_true", help="no whole searches: they need a machine to themselves")
    parser.add_argument("--long", action="store_true", help="⟨4,4,4⟩ over GF(2) down to 47 products too")
    options = parser.parse_args()
    extent = "--quick" if options.quick else "--steps" if options.steps else "--all"
    arguments = ["search", extent, *["--long"] * options.long, "--json"]
    command = [*program("stl-bench"), *arguments]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    record = json.loads(result.stdout)
    record["command"] = " ".join(["stl-bench", *arguments])
    record["largest_process_mib"] = round(getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024)
    write_record(options.output, record)
    print(f"recorded in {options.output}")


if __name__ == "__main__":
    main()
