"""stl-catalog remove: delete encoders from the user's catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("remove")
@click.argument("ids", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@catalog_options
@json_option
def remove_command(catalog: Catalog, ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete the encoders IDS for good.

    Encoders that come with the program cannot be deleted.
    """
    entries = list({entry.id: entry for entry in map(catalog.get, ids)}.values())
    for entry in entries:  # before any is deleted
        catalog.check_removable(entry)
    if not yes:
        names = ", ".join(f"{e.format} rank {e.rank} ({e.id[:10]})" for e in entries)
        click.confirm(f"Delete {names} for good?", abort=True, err=True)
    removed = [catalog.remove(entry.id) for entry in entries]
    if as_json:
        print_json([entry.as_json() for entry in removed])
    else:
        for entry in removed:
            click.echo(f"{entry.format} rank {entry.rank} ({entry.id[:10]}) removed.")
