"""stl-catalog verify: recompute and prove everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("verify")
@click.option("--set-aside", is_flag=True, help="Move damaged files into the catalog's folder `damaged`.")
@catalog_options
@json_option
def verify_command(catalog: Catalog, set_aside: bool, as_json: bool) -> None:
    """Read every file, recompute its figures and prove exact encoders again; exit 1 where that fails.

    A file that a newer strassen-tile wrote cannot be checked, but is no damaged one: it stays where it is.
    """
    from catalog.schema import is_newer

    sound = 0
    damaged: list[dict[str, str]] = []
    newer: list[dict[str, str]] = []
    for path, fault in catalog.verify():
        if fault is None:
            sound += 1
            continue
        (newer if is_newer(fault) else damaged).append({"path": str(path), "fault": fault})
        if not as_json:
            click.echo(f"{path}: {fault}", err=True)
    if set_aside:
        for report in damaged:
            report["set_aside"] = str(catalog.set_aside(Path(report["path"])))
    if as_json:
        print_json({"sound": sound, "damaged": damaged, "newer": newer})
    else:
        click.echo(f"{sound} sound, {len(damaged)} damaged: every figure recomputed, every exact one proved.")
        if newer:
            click.echo(f"{len(newer)} of a newer strassen-tile not checked; update strassen-tile to read them.")
        if set_aside and damaged:
            click.echo(f"The damaged ones are in {catalog.directory / 'damaged'} now.")
    if damaged or newer:
        raise click.exceptions.Exit(1)
