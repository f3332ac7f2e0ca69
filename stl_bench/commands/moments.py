"""stl-bench moments: second moments of a real layer's tiles, for stl-search --weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stl_algebra.errors import InvalidInput
from strassen_tile.commands.kit.options import TileType, json_option, print_json

if TYPE_CHECKING:
    from stl_algebra import Format


@click.command("moments")
@click.option(
    "--model", type=click.Choice(["minilm", "smollm2"]), default="minilm", show_default=True, help="The network."
)
@click.option("--layer", required=True, metavar="NAME", help="Linear layer, such as encoder.layer.3.output.dense.")
@click.option("--tile", type=TileType(), default="4", show_default=True, help="Format of the tiles: 4 or 2x3x4.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    help="Batches to read.  [default: 64 passages of minilm, 8 windows of 512 tokens of smollm2]",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="File to write them to.",
)
@json_option
def moments_command(model: str, layer: str, tile: Format, limit: int | None, out: Path, as_json: bool) -> None:
    """Measure the second moments of tiles in a layer of a network.

    They are those of the tiles of X and W, and are written to a file. stl-search --weights FILE then finds encoders of
    least error on inputs like these. The network reads the docstrings of Python's standard library.
    """
    from numpy.linalg import cond

    from catalog.durable import probe
    from catalog.moments_file import write_moments
    from stl_bench.compression.layer_moments import network_tile_moments

    try:
        probe(out.parent)  # before the network is run for nothing
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written ({error.strerror})") from error
    moments, facts = network_tile_moments(model, layer, tile, limit or {"minilm": 64, "smollm2": 8}[model])
    write_moments(out, moments)
    spread = {"x": float(cond(moments.root_x)), "w": float(cond(moments.root_w))}
    if as_json:
        print_json({**facts, "tile": str(tile), "digest": moments.digest, "spread": spread, "path": str(out)})
        return
    click.echo(
        f"Moments of {tile} tiles in {model} {layer} ({facts['in_features']} → {facts['out_features']}), from "
        f"{facts['rows']} rows of {facts['text']}."
    )
    click.echo(
        f"The strongest direction of a tile of X is {spread['x']:.1f} times the weakest, of a tile of W "
        f"{spread['w']:.1f} times (1 is white)."
    )
    click.echo(f"Written to {out}. Use it with: stl-search --tile {tile} --rank R --weights {out}")
