"""stl-catalog site: the catalog as static pages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, print_json
from stl_algebra.errors import InvalidInput

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("site")
@click.argument("target", type=click.Path(path_type=Path))
@catalog_options
@json_option
def site_command(catalog: Catalog, target: Path, as_json: bool) -> None:
    """Write the catalog as a self-contained static site into the folder TARGET; open its index.html.

    Frontier plot, table, and a page an encoder with heat maps, formulas, lineage and downloads. Nothing is
    fetched from anywhere, so it works from disk and from any web server.
    """
    from catalog.site.build import FOLDERS, build

    written = {os.path.realpath(target / name) for name in FOLDERS}
    if taken := {os.path.realpath(folder.directory) for folder in catalog.folders} & written:
        raise InvalidInput(f"the site {target} would write into the catalog {min(taken)}; name another folder for it")
    pages = build(catalog.entries(), target)
    if as_json:
        print_json({"pages": pages, "index": str(target / "index.html")})
    else:
        click.echo(f"{pages} encoders written; open {target / 'index.html'}")
