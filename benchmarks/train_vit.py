"""Train a small T2T vision transformer from scratch, dense and with STL layers, and compare them.

    python benchmarks/train_vit.py [--rank 24] [--seeds 5] [--steps 400] [--start algebraic --start random]
                                   [--encoders frozen --encoders learnable] [--results FILE] [--fresh]

Every variant of a seed starts from the same dense weights and sees the same images in the same order. Each run writes
a checkpoint at every point of its learning curve and, when it is done, its cell of the results; a second call
goes on from where the first was stopped: a cell that is recorded is not measured again.

On a GPU with images of your own (a safetensors file with `train`, `test`, `train_labels`, `test_labels`):

    python benchmarks/train_vit.py --images cifar10.safetensors --shape medium --device cuda \\
        --steps 50000 --batch 256 --rate 1e-3 --flip --rank 24 --seeds 3 --results cifar10.json
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from stl_bench.environment import environment
from stl_bench.records import write_record

RESULTS = Path(__file__).parent / "results" / "train_vit.json"
RANKS = (16, 24, 32, 40, 49)
#: The precision whose encoders training starts from. What makes an encoder good at a coarse one, little growth, is that
#: its products do not cancel; gradients then come through all of them alike, and the error itself is made up for.
FRONTIER = "fp8"
#: Sizes by name: of digits, of images of 32 pixels, and of ImageNet (T2T-ViT-7 with a narrow token transformer).
SHAPES: dict[str, dict[str, Any]] = {
    "small": {},
    "medium": {"image": 32, "token_width": 64, "width": 192, "depth": 6},
    "large": {
        "image": 224,
        "splits": ((7, 4, 2), (3, 2, 1), (3, 2, 1)),
        "token_width": 64,
        "width": 256,
        "depth": 7,
        "heads": 4,
    },
}


def variants_of(ranks: tuple[int, ...], starts: tuple[str, ...], encoders: tuple[str, ...]) -> list[Any]:
    """Dense first, then every STL variant asked for."""
    from stl_bench.networks.vit_variants import Variant

    wanted = [Variant(rank, start, kind == "learnable") for rank in ranks for start in starts for kind in encoders]
    return [Variant(), *wanted]


def run(variant: Any, seed: int, shape: Any, recipe: Any, images: Any, device: str, checkpoint: Path) -> dict[str, Any]:
    """One training run as a cell of the results: its curve, sizes, multiplications and time."""
    from catalog import Catalog
    from stl_bench.networks.vit_training import train
    from stl_bench.networks.vit_variants import build, shares

    algebraic = variant.rank is not None and variant.start == "algebraic"
    encoder = Catalog.default().best(4, variant.rank, FRONTIER) if algebraic else None
    model = build(shape, variant, encoder, seed).to(device)
    began, used = time.perf_counter(), time.process_time()
    curve = []
    for point in train(model, shape.image, images, replace(recipe, seed=seed), checkpoint):
        curve.append(asdict(point))
        show = f"{variant.name}, seed {seed}: step {point.step}, loss {point.loss:.3f}, accuracy {point.accuracy:.2%}"
        click.echo(f"\r{show:<78}", nl=False, err=True)
    click.echo(err=True)
    return {
        "variant": variant.name,
        **asdict(variant),
        "accuracy": curve[-1]["accuracy"],
        "curve": curve,
        "encoder": encoder.digest if encoder else None,
        "relative_error": encoder.relative_error if encoder else None,
        "parameters": sum(p.numel() for p in model.parameters()),
        "million_multiplications": shares(model, shape),
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - used,
        **environment(seed),
    }


def summary(cells: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row a variant: mean and deviation over seeds, and the difference from dense runs of the same seeds."""
    dense = {cell["seed"]: cell for cell in cells if cell["rank"] is None}
    for name in dict.fromkeys(cell["variant"] for cell in cells):
        ours = [cell for cell in cells if cell["variant"] == name]
        scores = [cell["accuracy"] for cell in ours]
        base = [dense[cell["seed"]] for cell in ours if cell["seed"] in dense]
        row = {
            "variant": name,
            "rank": ours[0]["rank"],
            "start": ours[0]["start"],
            "learnable": ours[0]["learnable"],
            "seeds": len(ours),
            "accuracy": statistics.mean(scores),
            "deviation": statistics.stdev(scores) if len(scores) > 1 else 0.0,
            "parameters": ours[0]["parameters"],
        }
        if base:
            row["above_dense"] = row["accuracy"] - statistics.mean(cell["accuracy"] for cell in base)
            for kind in ("linear", "total"):
                taken = ours[0]["million_multiplications"][kind]
                row[f"{kind}_multiplications"] = taken / base[0]["million_multiplications"][kind]
        yield row


def table(rows: list[dict[str, Any]]) -> str:
    """The summary for a person."""
    lines = [
        f"{'variant':<30}{'seeds':>6}{'accuracy':>10}{'±':>6}{'above dense':>13}{'linear mults':>14}{'parameters':>12}"
    ]
    for row in rows:
        above = f"{100 * row['above_dense']:+.2f}" if "above_dense" in row else ""
        share = f"{row['linear_multiplications']:.3f}" if "linear_multiplications" in row else ""
        lines.append(
            f"{row['variant']:<30}{row['seeds']:>6}{row['accuracy']:>10.2%}{100 * row['deviation']:>6.2f}{above:>13}"
            f"{share:>14}{row['parameters']:>12,}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--rank", "ranks", type=int, multiple=True, help=f"STL rank; several may be given.  [default: {RANKS}]")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--start", "starts", type=click.Choice(["algebraic", "random"]), multiple=True, help="[default: both]")
@click.option(
    "--encoders", type=click.Choice(["frozen", "learnable"]), multiple=True, default=("frozen",), show_default=True
)
@click.option("--steps", type=click.IntRange(1), default=400, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True)
@click.option("--rate", type=float, default=2e-3, show_default=True, help="Peak learning rate.")
@click.option("--every", type=click.IntRange(1), default=50, show_default=True, help="Steps between points and saves.")
@click.option("--flip", is_flag=True, help="Mirror half of the images; not for digits.")
@click.option(
    "--images", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="In place of digits."
)
@click.option("--shape", "shape_name", type=click.Choice(list(SHAPES)), default="small", show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS,
)
@click.option("--checkpoints", type=click.Path(file_okay=False, path_type=Path), help="[default: the user's cache]")
@click.option("--fresh", is_flag=True, help="Measure again what is recorded already.")
@click.option("--json", "as_json", is_flag=True)
def main(
    ranks: tuple[int, ...],
    seeds: int,
    starts: tuple[str, ...],
    encoders: tuple[str, ...],
    steps: int,
    batch: int,
    rate: float,
    every: int,
    flip: bool,
    file: Path | None,
    shape_name: str,
    device: str,
    threads: int,
    results: Path,
    checkpoints: Path | None,
    fresh: bool,
    as_json: bool,
) -> None:
    """Train dense and STL vision transformers from scratch, several seeds, and compare their accuracy."""
    import platformdirs
    import torch

    from stl_algebra import InvalidInput
    from stl_bench.data.images import digits, images_of
    from stl_bench.networks.t2t_vit import ViTShape
    from stl_bench.networks.vit_training import Recipe

    torch.set_num_threads(threads)
    folder = checkpoints or platformdirs.user_cache_path("strassen-tile") / "train_vit"
    try:
        images = images_of(file) if file else digits()
        shape = ViTShape(**{**SHAPES[shape_name], "channels": images.train.shape[1], "classes": images.classes})
        recipe = Recipe(steps=steps, batch=batch, rate=rate, every=every, flip=flip)
        setting = {"data": file.name if file else "digits", "shape": asdict(shape), "recipe": asdict(recipe)}
        setting = json.loads(json.dumps(setting))
        record = _read(results, setting)
        wanted = variants_of(ranks or RANKS, starts or ("algebraic", "random"), encoders)
        jobs = [(variant, seed) for seed in range(seeds) for variant in wanted]
        for done, (variant, seed) in enumerate(jobs):
            known = [c for c in record["cells"] if (c["variant"], c["seed"]) == (variant.name, seed)]
            if known and not fresh:
                continue
            click.echo(f"run {done + 1} of {len(jobs)}", err=True)
            key = f"{setting['data']}-{shape_name}-{steps}x{batch}-{rate:g}-{variant.name}-{seed}"
            key = key.replace(" ", "").replace(",", "-")
            checkpoint = folder / f"{key}.pt"
            if fresh:
                checkpoint.unlink(missing_ok=True)
            cell = run(variant, seed, shape, recipe, images, device, checkpoint)
            record = _read(results, setting)  # another process may have added to it meanwhile
            record["cells"] = [c for c in record["cells"] if (c["variant"], c["seed"]) != (variant.name, seed)] + [cell]
            record["summary"] = list(summary(record["cells"]))
            write_record(results, record)
            checkpoint.unlink(missing_ok=True)
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error
    asked = {(variant.name, seed) for variant, seed in jobs}
    rows = list(summary([cell for cell in record["cells"] if (cell["variant"], cell["seed"]) in asked]))
    click.echo(json.dumps({**setting, "summary": rows}, ensure_ascii=False) if as_json else table(rows))


def _read(path: Path, setting: dict[str, Any]) -> dict[str, Any]:
    if not path.exists():
        return {"benchmark": "train_vit", **setting, "cells": [], "summary": []}
    record = json.loads(path.read_text(encoding="utf-8"))
    if {key: record.get(key) for key in setting} != setting:
        raise click.ClickException(
            f"{path} records another data set, shape or recipe; name another file with --results"
        )
    return dict(record)


if __name__ == "__main__":
    main()
