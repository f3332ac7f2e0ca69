"""Seconds of converted networks end to end against dense, at several batch sizes.

    python benchmarks/wall_clock.py [--model minilm] [--rank 32] [--threads 2] [--repeats 7] [--results FILE]

MiniLM embeds batches of 128 tokens; SmolLM2 reads prompts and predicts the next token (prefill). Encoders are the
catalog's best, conversion is data-free: time does not depend on the values. Dense and converted networks take
turns in one process, medians count. Writes benchmarks/results/wall_clock.json.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

# A script's own folder comes first on the path, and benchmarks/catalog.py must not stand in for the package.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(entry for entry in sys.path if Path(entry or ".").resolve() != HERE)]

from benchmarks.environment import environment  # noqa: E402

MODELS = ("minilm", "smollm2")
#: Batches by model: (batch, tokens).
BATCHES = {"minilm": ((1, 128), (4, 128), (16, 128), (64, 128)), "smollm2": ((1, 64), (1, 256), (1, 1024))}


def measure(model: str, ranks: tuple[int, ...], repeats: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row a rank and batch: medians of the dense and the converted network."""
    import torch

    from catalog import Catalog
    from stl_nn.conversion import convert
    from stl_nn.models.minilm import load_minilm
    from stl_nn.models.smollm2 import load_smollm2
    from stl_nn.timing import median_seconds

    dense = load_minilm().model if model == "minilm" else load_smollm2().model
    more = {} if model == "minilm" else {"logits_to_keep": 1}
    shares, candidates = {}, {0: dense}
    for rank in ranks:
        candidates[rank] = copy.deepcopy(dense)
        encoder = Catalog.default().best(4, rank, "bf16")
        shares[rank] = convert(candidates[rank], encoder, lambda _, name: name != "lm_head").multiplications
    generator = torch.Generator().manual_seed(seed)
    for batch, tokens in BATCHES[model]:
        ids = torch.randint(1000, 20_000, (batch, tokens), generator=generator)
        calls = {str(rank): lambda net=net: net(input_ids=ids, **more) for rank, net in candidates.items()}  # noqa: B023
        with torch.inference_mode():
            taken = median_seconds(calls, torch.device("cpu"), repeats)
        for rank in ranks:
            yield {
                "model": model,
                "rank": rank,
                "multiplications": shares[rank],
                "batch": batch,
                "tokens": tokens,
                "rows": batch * tokens,
                "dense_seconds": taken["0"],
                "seconds": taken[str(rank)],
            }


@click.command()
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, default=MODELS, show_default=True)
@click.option("--rank", "ranks", type=int, multiple=True, default=(32, 40, 49), show_default=True)
@click.option("--threads", type=click.IntRange(1), help="[default: torch's choice]")
@click.option("--repeats", type=click.IntRange(1), default=7, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the token ids.")
@click.option(
    "--results", type=click.Path(dir_okay=False, path_type=Path), default=HERE / "results" / "wall_clock.json"
)
def main(
    models: tuple[str, ...], ranks: tuple[int, ...], threads: int | None, repeats: int, seed: int, results: Path
) -> None:
    """Time converted networks end to end."""
    import torch

    from stl_algebra import InvalidInput

    if threads:
        torch.set_num_threads(threads)
    rows = []
    try:
        for model in models:
            for row in measure(model, ranks, repeats, seed):
                rows.append(row)
                click.echo(
                    f"{model} r={row['rank']}, {row['batch']} × {row['tokens']} tokens: "
                    f"{row['dense_seconds'] / row['seconds']:.2f}× dense "
                    f"({1e3 * row['dense_seconds']:.0f} ms against {1e3 * row['seconds']:.0f} ms)"
                )
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error
    if results.exists():  # what was not measured now stays
        known = json.loads(results.read_text(encoding="utf-8"))["results"]
        rows = [old for old in known if old["model"] not in models] + rows
    circumstances = {**environment("torch", "numba", "transformers"), "threads": torch.get_num_threads(), "seed": seed}
    record = {"benchmark": "wall_clock", **circumstances, "repeats": repeats, "results": rows}
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
