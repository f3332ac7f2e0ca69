"""What calibration gains on one real layer: MiniLM-L6 layer 3, feed-forward, against the same layer pruned or factored.

    python benchmarks/calibration.py --model minilm [--rank 32 --rank 40] [--encoder FILE] [--json] [--record]

English text in order, the first 80 % of its tokens to calibrate on, the rest held out; relative output error
‖Ŷ − Y‖² / ‖XW‖² on the held-out part. STL in rising cost of calibration, baselines at their own multiplications.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results"
LAYER = "encoder.layer.3.intermediate.dense"
TEXT, PASSAGES, FIT = "pydoc-topics", 230, 0.8


def layer_inputs(name: str, passages: int) -> tuple[Any, Any]:
    """(inputs, layer): the rows that enter a layer of MiniLM-L6 while it reads, in order, and the layer."""
    import torch

    from stl_bench.data.text import passages_of
    from stl_bench.networks.minilm import load_minilm

    sentences = load_minilm()
    layer = sentences.model.get_submodule(name)
    rows: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, args: rows.append(args[0][0]))
    sentences.embed(passages_of(TEXT, passages))
    hook.remove()
    return torch.cat(rows), layer


def measure(encoders: list[Any], name: str, passages: int, say: Any) -> Iterator[dict[str, Any]]:
    """One row a method: its name, multiplications, held-out error, the error its moments predicted, seconds."""
    import torch

    from stl_bench.baselines import BASELINES
    from stl_nn import STLLinear
    from stl_nn.calibration import Level, MomentSums, calibrate_linear
    from stl_nn.calibration.layer import calibrated_multiplications

    x, layer = layer_inputs(name, passages)
    cut = int(FIT * len(x))
    sums = MomentSums(x.shape[1], max(encoder.format.n for encoder in encoders))
    sums.add(x[:cut])
    moments, held_out = sums.result(), x[cut:]
    with torch.no_grad():
        dense = layer(held_out)
        energy = (dense - layer.bias).square().sum(dtype=torch.float64)

    def row(method: str, share: float, made: Any, began: float, **more: Any) -> dict[str, Any]:
        seconds = time.perf_counter() - began
        with torch.no_grad():
            error = float((made(held_out) - dense).square().sum(dtype=torch.float64) / energy)
        say(f"{method:<24} {share:.3f} of the multiplications  error {error:.4f}  {seconds:.1f} s")
        return {"method": method, "multiplications": share, "error": error, "seconds": seconds, **more}

    for method, baseline in BASELINES.items():
        began = time.perf_counter()
        made = baseline.approximate(layer, 0.5, moments, torch.Generator().manual_seed(0))
        yield row(method, 0.5, made, began)
    for encoder in encoders:
        about = {"encoder": encoder.digest, "rank": encoder.rank, "relative_error": encoder.relative_error}
        began = time.perf_counter()
        yield row(
            f"stl r={encoder.rank} data-free", encoder.ratio, STLLinear.from_linear(layer, encoder), began, **about
        )
        for level in Level:
            began = time.perf_counter()
            done = calibrate_linear(layer, encoder, moments, level)
            more = about | {"expected_error": done.expected_error}
            share = calibrated_multiplications(layer, encoder, level)
            yield row(f"stl r={encoder.rank} {level}", share, done.layer, began, **more)


@click.command()
@click.option("--model", type=click.Choice(["minilm"]), default="minilm")
@click.option("--rank", "ranks", type=int, multiple=True, default=(32, 40), show_default=True)
@click.option(
    "--encoder",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Encoder files (.safetensors) in place of the catalog's.",
)
@click.option("--layer", default=LAYER, show_default=True)
@click.option("--passages", type=click.IntRange(5), default=PASSAGES, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--record", is_flag=True, help="Write the result to benchmarks/results.")
def main(
    model: str, ranks: tuple[int, ...], files: tuple[Path, ...], layer: str, passages: int, as_json: bool, record: bool
) -> None:
    """Measure calibration on one layer of MiniLM-L6."""
    from catalog import Catalog
    from catalog.encoder_file import read
    from stl_algebra import InvalidInput
    from stl_bench.environment import environment
    from stl_nn.memory_use import peak_memory

    try:
        catalog = Catalog.default()
        encoders = [read(file).encoder for file in files] or [catalog.best(4, rank, "bf16") for rank in ranks]
        rows = list(measure(encoders, layer, passages, lambda line: click.echo(line, err=as_json)))
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error
    outcome = {
        "benchmark": "calibration",
        "model": model,
        "layer": layer,
        "text": {"source": TEXT, "passages": passages, "calibration_share": FIT},
        "results": rows,
        "peak_memory_bytes": peak_memory(),
        **environment(0),
    }
    if record:
        write_record(RESULTS / "calibration.json", outcome)
    if as_json:
        json.dump(outcome, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
