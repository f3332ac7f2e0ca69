"""stl-catalog reindex: build the index from the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("reindex")
@catalog_options
@json_option
def reindex_command(catalog: Catalog, as_json: bool) -> None:
    """Build the index anew from the files, and clear away what interrupted writers left behind."""
    files = catalog.reindex()
    damaged = len(catalog.faults())
    if as_json:
        print_json({"files": files, "damaged": damaged})
    else:
        click.echo(f"{files} file{'s' * (files != 1)} indexed, {damaged} damaged.")
