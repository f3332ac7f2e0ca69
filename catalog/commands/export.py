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
    """Write the encoder ID to the file TARGET, in the format its ending names.

    .safetensors (encode_x, encode_w, decode in float64 and the record), .json and .txt
    (FastMatrixMultiplication), .npz (AlphaTensor), .sms (PLinOpt, three files), .exp (flip graphs), .coef
    (Benson–Ballard). All but the first hold exact encoders only.
    """
    from catalog.interchange.writing import export

    entry = catalog.get(id)
    files = export(entry, target)
    if as_json:
        print_json(entry.as_json() | {"exported": [str(path) for path in files]})
    else:
        names = ", ".join(str(path) for path in files)
        click.echo(f"{entry.format} rank {entry.rank} ({entry.id[:10]}) written to {names}.")
