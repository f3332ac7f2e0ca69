"""stl-catalog plot: the frontier as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import TileType, catalog_options, precision_option

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from stl_algebra.format import Format


@click.command("plot")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--tile", "tiles", type=TileType(), multiple=True, help="Draw only this format; may be given several times."
)
@precision_option
@catalog_options
def plot_command(catalog: Catalog, target: Path, tiles: tuple[Format, ...], precision: str) -> None:
    """Draw error against ratio.

    TARGET is a .svg or .png file.
    """
    from catalog.durable import write_atomically
    from catalog.plot import draw
    from stl_algebra.errors import InvalidInput

    kind = target.suffix.removeprefix(".").lower()
    if kind not in ("svg", "png"):
        raise InvalidInput(f"{target} is neither .svg nor .png; name the plot after one of them")
    entries = (
        [entry for tile in dict.fromkeys(tiles) for entry in catalog.entries(tile)] if tiles else catalog.entries()
    )
    picture = draw(entries, precision, kind)
    try:
        write_atomically(target, picture)
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written ({error.strerror})") from error
    click.echo(f"{len(entries)} encoders drawn at {precision} in {target}.")
