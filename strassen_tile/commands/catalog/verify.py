"""stl-catalog verify: recompute and prove everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, print_json
from strassen_tile.commands.kit.tables import counted

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("verify")
@click.option("--set-aside", is_flag=True, help="Move damaged files into the catalog's folder `damaged`.")
@catalog_options
@json_option
def verify_command(catalog: Catalog, set_aside: bool, as_json: bool) -> None:
    """Recompute the figures of every encoder, and prove exact ones again.

    The command exits with 1 if an encoder is damaged or cannot be checked. A file that a newer strassen-tile wrote
    cannot be checked, but it is not damaged: it stays in its place.
    """
    from catalog.schema import is_newer

    sound = 0
    damaged: list[dict[str, str]] = []
    newer: list[dict[str, str]] = []
    for path, fault in counted(catalog.verify()):
        if fault is None:
            sound += 1
            continue
        (newer if is_newer(fault) else damaged).append({"path": str(path), "fault": fault})
        if not as_json:
            click.echo(f"{path}: {fault}", err=True)
    if set_aside:  # several of the damaged may lie in one file
        places = {path: str(catalog.set_aside(Path(path))) for path in dict.fromkeys(one["path"] for one in damaged)}
        for report in damaged:
            report["set_aside"] = places[report["path"]]
    if as_json:
        print_json({"sound": sound, "damaged": damaged, "newer": newer})
    else:
        click.echo(f"{sound} sound, {len(damaged)} damaged: every figure recomputed, every exact one proved.")
        if newer:
            click.echo(f"{len(newer)} of a newer strassen-tile not checked; update strassen-tile to read them.")
        if set_aside and damaged:
            click.echo(f"The damaged files are in {catalog.directory / 'damaged'} now.")
    if damaged or newer:
        raise click.exceptions.Exit(1)
