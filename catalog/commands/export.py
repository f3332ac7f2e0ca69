"""stl-catalog export: one encoder out of the catalog, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("export")
@click.argument("id")
@click.argument("target", type=click.Path(path_type=Path))
@catalog_options
@json_option
def export_command(catalog: Catalog, id: str, target: Path, as_json: bool) -> None:
    """Write the encoder ID to the file TARGET, as safetensors: encode_x, encode_w, decode and the record."""
    from catalog.exchange import export

    entry = catalog.get(id)
    export(entry, target)
    if as_json:
        print_json(entry.as_json() | {"exported": str(target)})
    else:
        click.echo(f"{entry.format} rank {entry.rank} ({entry.id[:10]}) written to {target}.")
