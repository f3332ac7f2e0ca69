"""stl-catalog list: the encoders known, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog.commands.options import (
    RangeType,
    TileType,
    catalog_options,
    json_option,
    precision_option,
    print_json,
)
from catalog.commands.tables import ID_DIGITS, console, number, plain_table
from catalog.query import ORDERS
from catalog.story import plain
from stl_algebra.ring import Ring

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry


@click.command("list")
@click.option("--tile", type=TileType(), help="Only this format: 4 or 2x3x4.")
@click.option("--rank", type=RangeType(int), default=":", help="Only this rank, or a range: 40, 36-40, :40.")
@click.option("--ratio", type=RangeType(float), default=":", help="Only this range of r/(n·m·p), such as :0.5.")
@click.option("--error", type=RangeType(float), default=":", help="Only this range of the error at the precision.")
@click.option("--ring", type=click.Choice([str(r) for r in Ring], case_sensitive=False), help="Only this ring.")
@click.option("--strategy", help="Only encoders found by this strategy.")
@click.option("--exact/--approximate", default=None, help="Only exact ones, or only approximate ones.")
@click.option("--sort", "order", type=click.Choice(list(ORDERS)), default="format", show_default=True)
@click.option("--reverse", is_flag=True, help="Turn the order round.")
@click.option("--best", is_flag=True, help="Only the best real encoder of each format and rank at the precision.")
@click.option(
    "--limit", type=click.IntRange(0), default=500, show_default=True, help="Rows of the table at most; 0: all."
)
@precision_option
@catalog_options
@json_option
def list_command(catalog: Catalog, precision: str, reverse: bool, limit: int, as_json: bool, **conditions: Any) -> None:
    """List encoders: format, rank, error at a precision, growth, ring and where each came from."""
    entries = catalog.entries(precision=precision, **conditions)
    if reverse:
        entries.reverse()
    if as_json:
        print_json([entry.as_json(precision) for entry in entries])
        return
    if not entries:
        click.echo("No encoder in the catalog fits; stl-search finds new ones.", err=True)
        return
    shown = entries[:limit] if limit else entries
    console().print(table(shown, precision))
    if len(shown) < len(entries):
        click.echo(f"{len(entries) - len(shown)} more; --limit 0 shows all.", err=True)


def table(entries: list[Entry], precision: str) -> Any:
    """The table of entries, within 80 columns."""
    at = f"error@{precision}"
    columns = ("id", "format", "rank", "ratio", "error", at, "growth", "ring", "strategy")
    rows = plain_table(*columns, right=f"rank ratio error {at} growth")
    rows.columns[-1].no_wrap = False
    rows.columns[-1].overflow = "ellipsis"
    for entry in entries:
        rows.add_row(
            entry.id[:ID_DIGITS],
            str(entry.format),
            str(entry.rank),
            f"{entry.ratio:.3f}",
            number(entry.relative_error) if entry.is_real else "mod 2",
            number(entry.error_at(precision)) if entry.is_real else "mod 2",
            number(entry.growth),
            str(entry.ring),
            plain(entry.provenance.strategy),
        )
    return rows
