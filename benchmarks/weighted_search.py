"""What a search under measured moments is worth on real layers: relative output error, nothing refitted.

    python benchmarks/weighted_search.py [--output FILE] [--budget 40s]

For some linear layers of MiniLM-L6 the second moments of 4×4 tiles are measured on one text (stl-bench moments),
encoders are searched under them (stl-search --weights), and the layer's output error on another text is compared
with that of the encoder of least error on white inputs. Encoders alone change: the weights are encoded as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from catalog import Catalog
from stl_algebra import TileEncoder
from stl_bench.compression.layer_moments import find_linear
from stl_bench.data.text import passages_of
from stl_bench.environment import environment
from stl_bench.networks.minilm import load_minilm
from stl_bench.programs import program
from stl_bench.records import write_record
from stl_nn import STLLinear

RESULTS = Path(__file__).parent / "results"
LAYERS = ("encoder.layer.3.intermediate.dense", "encoder.layer.3.output.dense")
RANKS = (32, 40)
SEED = 0
PASSAGES = 64


def run(name: str, *arguments: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    command = [*program(name), *arguments, "--json"]
    result: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return result


def inputs_of(layers: dict[str, nn.Linear]) -> dict[str, torch.Tensor]:
    """What enters each layer while the held-out text is read, passages one after another: (rows, K)."""
    sentences = load_minilm()
    rows: dict[str, list[torch.Tensor]] = {name: [] for name in layers}
    for name in layers:
        find_linear(sentences.model, name).register_forward_pre_hook(
            lambda _, args, name=name: rows[name].append(args[0][0].clone())
        )
    sentences.embed(passages_of("pydoc-topics", PASSAGES))
    return {name: torch.cat(parts) for name, parts in rows.items()}


@torch.no_grad()
def output_error(layer: nn.Linear, encoder: TileEncoder, x: torch.Tensor) -> float:
    """‖Ŷ − Y‖² / ‖X W‖², biases apart."""
    exact = x @ layer.weight.T
    found = STLLinear.from_linear(layer, encoder)(x) - (0 if layer.bias is None else layer.bias)
    return float(((found - exact) ** 2).sum(dtype=torch.float64) / (exact**2).sum(dtype=torch.float64))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS / "weighted_search.json")
    parser.add_argument("--budget", default="40s")
    options = parser.parse_args()
    model = load_minilm().model
    layers = {name: find_linear(model, name) for name in LAYERS}
    inputs = inputs_of(layers)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, layer in layers.items():
            moments = f"{folder}/{name}.safetensors"
            run("stl-bench", "moments", "--layer", name, "--tile", "4", "--out", moments)
            for rank in RANKS:
                white = Catalog.default().best(tile=4, rank=rank, precision="fp32")
                arguments = ["--tile", "4", "--rank", str(rank), "--precision", "fp32", "--budget", options.budget]
                arguments += ["--jobs", "2", "--seed", str(SEED), "--weights", moments, "--catalog", f"{folder}/found"]
                found = run("stl-search", *arguments)
                encoder = Catalog(f"{folder}/found").get(found["id"]).encoder
                row = {
                    "layer": name,
                    "rank": rank,
                    "white": {"id": white.digest, "error_on_white_inputs": white.relative_error},
                    "weighted": {"id": found["id"], "error_on_white_inputs": found["relative_error"]},
                    "predicted": found["weighted"]["relative_error"],
                    "output_error_white": output_error(layer, white, inputs[name]),
                    "output_error_weighted": output_error(layer, encoder, inputs[name]),
                    "strategy": found["strategy"],
                }
                rows.append(row)
                print(json.dumps(row), flush=True)
    record = {**environment(SEED), "budget": options.budget, "rows": rows}
    write_record(options.output, record)
    print(f"recorded in {options.output}")


if __name__ == "__main__":
    main()
