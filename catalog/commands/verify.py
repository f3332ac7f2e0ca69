"""stl-catalog verify: recompute and prove everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("verify")
@catalog_options
@json_option
def verify_command(catalog: Catalog, as_json: bool) -> None:
    """Read every file, recompute its figures and prove exact encoders again; exit 1 where one is damaged."""
    sound = 0
    damaged = []
    for path, fault in catalog.verify():
        if fault is None:
            sound += 1
            continue
        damaged.append({"path": str(path), "fault": fault})
        if not as_json:
            click.echo(f"{path}: {fault}", err=True)
    if as_json:
        print_json({"sound": sound, "damaged": damaged})
    else:
        click.echo(f"{sound} sound, {len(damaged)} damaged: every figure recomputed, every exact one proved.")
    if damaged:
        raise click.exceptions.Exit(1)
