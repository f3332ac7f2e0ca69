"""stl-catalog reindex: build the index from the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("reindex")
@catalog_options
@json_option
def reindex_command(catalog: Catalog, as_json: bool) -> None:
    """Build the index anew, and remove files of interrupted writers."""
    files = catalog.reindex()
    damaged = len(catalog.failures())
    if as_json:
        print_json({"files": files, "damaged": damaged})
    else:
        click.echo(f"{files} file{'s' * (files != 1)} indexed, {damaged} damaged.")
