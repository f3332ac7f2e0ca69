"""Measure the catalog.

    python benchmarks/catalog_speed.py [--quick] [--out FILE]

10 000 encoders: opening, a filtered list as a whole command, reindex, the site, and how soon its index answers
in a browser with 2 000; four processes adding 250 each at once; 200 kills at random instants during writes.
Prints one JSON object and records it under benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from catalog import Catalog, Provenance
from catalog.encoder_file import pack
from catalog.site import build
from stl_algebra import Format, TileEncoder
from stl_bench.environment import environment
from stl_bench.programs import program
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"
FORMATS = [(2, 2, 2), (2, 3, 4), (3, 3, 3), (4, 4, 4)]

WRITER = """
import sys
import numpy as np
from catalog import Catalog, Provenance
from stl_algebra import Format, TileEncoder
directory, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(seed)
catalog = Catalog(directory, shipped=False)
print("ready", flush=True)
for _ in range(count):
    draw = rng.normal(size=(3, 40, 16))
    entry = catalog.add(TileEncoder(Format(4, 4, 4), draw[0], draw[1], draw[2].T), Provenance("random", seed=seed))
    print(entry.id, flush=True)
"""


def fill(directory: Path, count: int, seed: int) -> None:
    """Encoders of several formats and ranks, written as `Catalog.add` writes them but without waiting for the disk."""
    directory.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        format = Format(*FORMATS[number % len(FORMATS)])
        rank = 1 + number % format.products
        in_x, in_w, out = format.sizes
        x, w, d = rng.normal(size=(rank, in_x)), rng.normal(size=(rank, in_w)), rng.normal(size=(out, rank))
        encoder = TileEncoder(format, 0.3 * x, 0.3 * w, 0.3 * d)
        content = pack(encoder, Provenance("random", seed=number, seconds=1.0, precision="bf16"))
        (directory / f"{encoder.digest}.safetensors").write_bytes(content)


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median(action: Callable[[], object], times: int = 7) -> float:
    return statistics.median(timed(action) for _ in range(times))


def command(*arguments: str, times: int = 7) -> dict[str, float]:
    """One stl-catalog command as a user runs it, interpreter and all: median wall and processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = partial(subprocess.run, [*program("stl-catalog"), *arguments], check=True, stdout=subprocess.DEVNULL)
    wall = median(run, times)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall, "cpu_s": spent / times}


def large(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Times on a catalog of `count` encoders."""
    directory = folder / "large"
    fill(directory, count, seed)
    place = ("--catalog", str(directory), "--no-shipped")
    reindex = timed(lambda: Catalog(directory, shipped=False).reindex())

    def open_and_ask() -> None:
        assert Catalog(directory, shipped=False).best(4, 40).rank == 40

    return {
        "encoders": count,
        "reindex_s": reindex,
        "open_and_best_s": median(open_and_ask),
        "list_filtered_command": command("list", "--tile", "4", "--rank", "40", *place),
        "list_best_command": command("list", "--tile", "3", "--best", *place),
        "list_all_json_command": command("list", "--json", *place, times=3),
        "help_command": command("--help"),
        "verify_s": timed(lambda: list(Catalog(directory, shipped=False).verify())),
        "site_s": timed(lambda: build(Catalog(directory, shipped=False).entries(), folder / "site")),
    }


def browser(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """How soon the site of `count` encoders answers in headless Chromium; empty if none is installed."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {}
    if chromium is None:
        return {}
    fill(folder / "medium", count, seed)
    build(Catalog(folder / "medium", shipped=False).entries(), folder / "pages")
    with sync_playwright() as driver:
        chrome = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        ready, filtered = [], []
        for _ in range(5):
            page = chrome.new_page()
            page.goto((folder / "pages" / "index.html").as_uri())
            ready.append(float(page.evaluate("document.documentElement.dataset.ready")))
            script = """() => { const input = document.getElementById('filter'), start = performance.now();
                input.value = '4x4x4 rank<20'; input.dispatchEvent(new Event('input'));
                document.body.offsetHeight; return performance.now() - start; }"""
            filtered.append(page.evaluate(script))
            page.close()
        chrome.close()
    return {"encoders": count, "interactive_ms": statistics.median(ready), "filter_ms": statistics.median(filtered)}


def start(directory: Path, seed: int, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(directory), str(seed), str(count)]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=one_thread)


def together(folder: Path, processes: int, each: int) -> dict[str, Any]:
    """Several processes adding at once."""
    directory = folder / "together"
    began = time.perf_counter()
    writers = [start(directory, seed, each) for seed in range(processes)]
    committed = {line for writer in writers for line in writer.communicate()[0].split()[1:]}
    seconds = time.perf_counter() - began
    catalog = Catalog(directory, shipped=False)
    there = {entry.id for entry in catalog.entries()}
    damaged = sum(fault is not None for _, fault in catalog.verify())
    lost = len(committed - there)
    return {
        "processes": processes,
        "each": each,
        "there": len(there),
        "lost": lost,
        "damaged": damaged,
        "seconds": seconds,
    }


def killed(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Writers killed at random instants: what they had committed must be there, and nothing half-written listed."""
    directory = folder / "killed"
    chance = random.Random(seed)
    committed: set[str] = set()
    lost = damaged = 0
    for number in range(kills):
        writer = start(directory, 1000 + number, 1_000_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.3))
        writer.send_signal(signal.SIGKILL)
        committed |= {line for line in writer.communicate()[0].splitlines() if len(line) == 64}
        catalog = Catalog(directory, shipped=False)
        lost += len(committed - {entry.id for entry in catalog.entries()})
        damaged += len(catalog.failures())
    damaged += sum(fault is not None for _, fault in Catalog(directory, shipped=False).verify())
    return {"kills": kills, "committed": len(committed), "lost": lost, "damaged_listed": damaged}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything, and nothing recorded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS / "catalog.json")
    options = parser.parse_args()
    part = 10 if options.quick else 1
    with tempfile.TemporaryDirectory(prefix="catalog-benchmark-") as name:
        folder = Path(name)
        result = {
            "benchmark": "catalog",
            "load": os.getloadavg()[0],
            "large": large(folder, 10_000 // part, options.seed),
            "browser": browser(folder, 2_000 // part, options.seed),
            "together": together(folder, 4, 250 // part),
            "killed": killed(folder, 200 // part, options.seed),
            **environment(options.seed, "safetensors", "click", "rich", "jinja2"),
        }
    print(json.dumps(result, indent=2))
    if not options.quick:
        write_record(options.out, result)


if __name__ == "__main__":
    main()
