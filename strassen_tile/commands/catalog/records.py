"""stl-catalog records: the catalog's exact ranks against the best that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from strassen_tile.commands.kit.options import TileType, catalog_options, json_option, print_json
from strassen_tile.commands.kit.tables import console, plain_table

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.records import Record
    from stl_algebra.format import Format


@click.command("records")
@click.option("--tile", type=TileType(), help="Only this format, in any order of its dimensions.")
@click.option("--missing", is_flag=True, help="Only formats without an exact encoder here.")
@click.option("--gap", is_flag=True, help="Only formats whose exact rank here is above the best known over some ring.")
@click.option("--sources", is_flag=True, help="Name the source of each rank instead of showing all rings.")
@catalog_options
@json_option
def records_command(
    catalog: Catalog, tile: Format | None, missing: bool, gap: bool, sources: bool, as_json: bool
) -> None:
    r"""Compare exact ranks here with the best known.

    All formats up to 8x8x8 are compared. A rank does not depend on the order of the dimensions, so each format stands
    for all its permutations. A column such as Z shows the least rank here over that ring, a slash, and the least rank
    known; "gap" is the difference over the rationals. "border" is the least bound known on the border rank, which
    arbitrarily good approximations reach.

    \b
    Examples:
      stl-catalog records
      stl-catalog records --tile 4x4x5 --sources
      stl-catalog records --gap --json
    """  # click reads the control character
    from catalog.records import records

    rows = records(catalog, None if tile is None else [tile])
    if missing:
        rows = [row for row in rows if row.gap is None]
    if gap:
        rows = [row for row in rows if row.has_gap]
    if as_json:
        print_json([row.as_json() for row in rows])
        return
    if not rows:
        click.echo("No format fits.", err=True)
        return
    console().print(_with_sources(rows) if sources else _by_ring(rows))


def _by_ring(rows: list[Record]) -> Any:
    rings = list(rows[0].standings)
    table = plain_table(
        "format", *map(str, rings), "gap", "border", right=" ".join([*map(str, rings), "gap", "border"])
    )
    for row in rows:
        ranks = (f"{_shown(one.here)}/{_shown(one.known and one.known.rank)}" for one in row.standings.values())
        table.add_row(str(row.format), *ranks, _shown(row.gap), _shown(row.border and row.border.rank))
    return table


def _with_sources(rows: list[Record]) -> Any:
    table = plain_table("format", "ring", "here", "known", "source", right="here known")
    table.columns[-1].no_wrap = False
    for row in rows:
        for ring, one in row.standings.items():
            known, source = (one.known.rank, one.known.source) if one.known else (None, "")
            table.add_row(str(row.format), str(ring), _shown(one.here), _shown(known), source)
        if row.border is not None:
            table.add_row(str(row.format), "border", "", str(row.border.rank), row.border.source)
    return table


def _shown(rank: int | None) -> str:
    return "–" if rank is None else str(rank)
