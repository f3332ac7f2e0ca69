"""A refit of every linear layer of SmolLM2-135M: seconds, memory and errors.

    python benchmarks/refit.py [--rank 32] [--windows 128] [--threads 2] [--record]

64k tokens are 128 windows of 512. With --record the figures go to benchmarks/results/refit.json.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results" / "refit.json"


def measure(rank: int, windows: int, seed: int) -> dict[str, Any]:
    """Refit all layers of SmolLM2 on some windows of text, and measure what it takes."""
    from catalog import Catalog
    from stl_bench.networks.language_network import LanguageNetwork
    from stl_nn.calibration import Calibration, calibrate
    from stl_nn.memory_use import peak_memory

    network = LanguageNetwork(limit=2, calibration=windows)
    began, busy = time.perf_counter(), time.process_time()

    def tell(layer: Any) -> None:
        passed = time.perf_counter() - began
        click.echo(f"[{passed:.0f} s] {layer.name}: error {layer.expected_error:.4f}", err=True)

    report = calibrate(
        network.model,
        Catalog.default().best(4, rank, "bf16"),
        Calibration(network.calibration, run=network.run, level="refit", seed=seed, on_layer=tell),
        filter_fn=network.accepts,
    )
    errors = [layer.expected_error for layer in report.layers]
    return {
        "model": "smollm2",
        "rank": rank,
        "tokens": network.rows(network.calibration),
        "layers": len(errors),
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - busy,
        "peak_memory_bytes": peak_memory(),
        "mean_error": sum(errors) / len(errors),
        "largest_error": max(errors),
    }


@click.command()
@click.option("--rank", type=int, default=32, show_default=True)
@click.option("--windows", type=click.IntRange(1), default=128, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="[default: torch's choice]")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--record", is_flag=True)
def main(rank: int, windows: int, threads: int | None, seed: int, record: bool) -> None:
    """Time the refit of a whole language model."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    found = measure(rank, windows, seed)
    found |= environment(seed)
    if record:
        write_record(RESULTS, {"benchmark": "refit", "results": [found]})
    click.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
