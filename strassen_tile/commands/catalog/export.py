"""stl-catalog export: encoders out of the catalog, into a file or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry


@click.command("export")
@click.argument("id", nargs=-1)
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--bundle",
    is_flag=True,
    help="Make TARGET a folder of encoders with a model card; without an ID: of the best ones.",
)
@catalog_options
@json_option
def export_command(catalog: Catalog, id: tuple[str, ...], target: Path, bundle: bool, as_json: bool) -> None:
    """Write encoders to a file or a bundle.

    The ending of TARGET names the format: .safetensors (encode_x, encode_w, decode in float64 and the record), .json
    and .txt (FastMatrixMultiplication), .npz (AlphaTensor), .sms (PLinOpt, three files), .exp (flip graphs) or .coef
    (Benson–Ballard). All but the first hold exact encoders only.

    With --bundle, TARGET becomes a folder of encoder files with a model card, for any number of IDs.
    """
    from catalog.bundle import write_bundle
    from catalog.interchange.writing import export

    entries = [catalog.get(prefix) for prefix in id]
    if bundle:
        entries = entries or catalog.entries(best=True)
        files = write_bundle(entries, target)
    elif len(entries) == 1:
        files = export(entries[0], target)
    else:
        raise click.UsageError("give one ID and a file, or --bundle, any number of IDs and a folder")
    if as_json:
        first = entries[0].as_json() if len(entries) == 1 else {"encoders": [entry.as_json() for entry in entries]}
        print_json(first | {"exported": [str(path) for path in files]})
    else:
        click.echo(_sentence(entries, files))


def _sentence(entries: list[Entry], files: list[Path]) -> str:
    what = f"{len(entries)} encoders"
    if len(entries) == 1:
        what = f"{entries[0].format} rank {entries[0].rank} ({entries[0].id[:10]})"
    where = ", ".join(map(str, files)) if len(files) <= 3 else f"{len(files)} files in {files[0].parent}"
    return f"{what} written to {where}."
