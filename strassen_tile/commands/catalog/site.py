"""stl-catalog site: the catalog as static pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stl_algebra.errors import InvalidInput
from strassen_tile.commands.kit.options import catalog_options, json_option, print_json

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("site")
@click.argument("target", type=click.Path(path_type=Path))
@catalog_options
@json_option
def site_command(catalog: Catalog, target: Path, as_json: bool) -> None:
    """Write the catalog as a static web site into the folder TARGET.

    The site has a plot of the frontier, a table, and a page for each encoder with heat maps, formulas, lineage and
    downloads. It fetches nothing from elsewhere, so it works from disk and from any web server: open its index.html.
    """
    from catalog.site.build import FOLDERS, build

    written = {os.path.realpath(target / name) for name in FOLDERS}
    if taken := {os.path.realpath(store.directory) for store in catalog.stores} & written:
        raise InvalidInput(f"the site {target} would write into the catalog {min(taken)}; name another folder for it")
    pages = build(catalog.entries(), target)
    if as_json:
        print_json({"pages": pages, "index": str(target / "index.html")})
    else:
        click.echo(f"{pages} encoders written; open {target / 'index.html'}")
