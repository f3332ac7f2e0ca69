"""Seconds of converted networks end to end against dense, at several batch sizes.

    python benchmarks/wall_clock.py [--model minilm] [--size 32 0] [--threads 2] [--repeats 5] [--fresh]

MiniLM embeds batches of 128 tokens; SmolLM2 reads prompts and predicts the next token (prefill): its output head, which
stays dense, is computed for the last token of each prompt alone. Encoders are the catalog's best, conversion is
data-free: the time of such layers does not depend on the values of their weights. It is not that of calibrated ones,
which also change the basis of their inputs. Layers that read the same input are joined before; so they are in a second
dense network, which shows what of the gain is due to that. A size is a rank and a depth, levels of Strassen's scheme in
the channels. All networks take turns in one process, medians count. Every row is written to
benchmarks/results/wall_clock.json as it comes; a second call measures what is missing.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results" / "wall_clock.json"
MODELS = ("minilm", "smollm2")
#: Batches by model: (batch, tokens).
BATCHES = {"minilm": ((1, 128), (4, 128), (16, 128), (64, 128)), "smollm2": ((1, 64), (1, 256), (1, 1024), (4, 512))}


#: (rank, depth).
SIZES = ((32, 0), (40, 0), (49, 0), (40, 2), (47, 3))


def measure(model: str, sizes: Sequence[tuple[int, int]], repeats: int, seed: int) -> Iterator[dict[str, Any]]:
    """One row a size and batch: medians of the dense and the converted network."""
    import torch

    from catalog import Catalog
    from stl_bench.networks.minilm import load_minilm
    from stl_bench.networks.smollm2 import load_smollm2
    from stl_nn.conversion import convert
    from stl_nn.joining import join_layers
    from stl_nn.options import LayerOptions
    from stl_nn.timing import median_seconds

    dense = load_minilm().model if model == "minilm" else load_smollm2().model
    more = {} if model == "minilm" else {"logits_to_keep": 1}
    generator = torch.Generator().manual_seed(seed)
    joined, example = copy.deepcopy(dense), torch.randint(1000, 20_000, (1, 8), generator=generator)
    join_layers(joined, example, lambda net, ids: net(input_ids=ids))
    shares, candidates = {}, {"dense": dense, "joined": joined}
    for rank, depth in sizes:
        candidates[f"{rank} {depth}"] = changed = copy.deepcopy(joined)
        encoder = Catalog.default().best(4, rank, "bf16")
        shares[rank, depth] = convert(
            changed, encoder, LayerOptions(depth=depth), filter_fn=lambda _, name: name != "lm_head"
        ).multiplications
    for batch, tokens in BATCHES[model]:
        ids = torch.randint(1000, 20_000, (batch, tokens), generator=generator)
        calls = {name: lambda net=net: net(input_ids=ids, **more) for name, net in candidates.items()}  # noqa: B023
        with torch.inference_mode():
            taken = median_seconds(calls, torch.device("cpu"), repeats)
        for rank, depth in sizes:
            yield {
                "model": model,
                "rank": rank,
                "depth": depth,
                "multiplications": shares[rank, depth],
                "batch": batch,
                "tokens": tokens,
                "rows": batch * tokens,
                "dense_seconds": taken["dense"],
                "joined_seconds": taken["joined"],
                "seconds": taken[f"{rank} {depth}"],
            }


@click.command()
@click.option("--model", "models", type=click.Choice(MODELS), multiple=True, default=MODELS, show_default=True)
@click.option("--size", "sizes", type=(int, int), multiple=True, metavar="RANK DEPTH", help=f"[default: {SIZES}]")
@click.option("--threads", type=click.IntRange(1), help="[default: torch's choice]")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the token ids.")
@click.option("--fresh", is_flag=True, help="Measure again what is recorded already.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS,
)
def main(
    models: tuple[str, ...],
    sizes: tuple[tuple[int, int], ...],
    threads: int | None,
    repeats: int,
    seed: int,
    fresh: bool,
    results: Path,
) -> None:
    """Time converted networks end to end."""
    import torch

    from stl_algebra import InvalidInput

    if threads:
        torch.set_num_threads(threads)
    known = json.loads(results.read_text(encoding="utf-8"))["results"] if results.exists() else []
    try:
        for model in models:
            done = [] if fresh else [_key(row)[1:3] for row in known if row["model"] == model]
            # A size that was stopped midway is measured again, with all its batches.
            missing = [size for size in sizes or SIZES if done.count(size) < len(BATCHES[model])]
            for row in measure(model, missing, repeats, seed) if missing else ():
                known = [old for old in known if _key(old) != _key(row)] + [row]
                write_record(
                    results, {"benchmark": "wall_clock", **environment(seed), "repeats": repeats, "results": known}
                )
                fastest = min(row["dense_seconds"], row["joined_seconds"])
                click.echo(
                    f"{model} r={row['rank']} depth {row['depth']}, {row['batch']} × {row['tokens']} tokens: "
                    f"{fastest / row['seconds']:.2f}× dense "
                    f"({1e3 * fastest:.0f} ms, joined or not, against {1e3 * row['seconds']:.0f} ms)"
                )
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error


def _key(row: dict[str, Any]) -> tuple[str, int, int, int, int]:
    return row["model"], row["rank"], row["depth"], row["batch"], row["tokens"]


if __name__ == "__main__":
    main()
