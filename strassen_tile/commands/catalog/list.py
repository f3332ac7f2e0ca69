"""stl-catalog list: the encoders of the catalog, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from catalog.origin import plain
from catalog.query import ORDERS
from stl_algebra.ring import Ring
from strassen_tile.commands.kit.options import (
    RangeType,
    TileType,
    catalog_options,
    json_option,
    precision_option,
    print_json,
)
from strassen_tile.commands.kit.tables import ID_DIGITS, console, counted, number, plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from catalog.catalog import Catalog
    from catalog.entry import Entry


@click.command("list")
@click.option("--tile", type=TileType(), help="Only this format: 4 or 2x3x4.")
@click.option("--rank", type=RangeType(int), default=":", help="Only this rank, or a range: 40, 36-40, :40.")
@click.option(
    "--ratio", type=RangeType(float), default=":", help="Only this range of the ratio r/(n·m·p), such as :0.5."
)
@click.option("--error", type=RangeType(float), default=":", help="Only this range of the error at the precision.")
@click.option("--ring", type=click.Choice([str(r) for r in Ring], case_sensitive=False), help="Only this ring.")
@click.option("--strategy", help="Only encoders found by this strategy.")
@click.option("--exact/--approximate", default=None, help="Only exact encoders, or only approximate ones.")
@click.option(
    "--sort",
    "order",
    type=click.Choice(list(ORDERS)),
    default="format",
    show_default=True,
    help="Sort by this, the least first.",
)
@click.option("--reverse", is_flag=True, help="Reverse the order.")
@click.option("--best", is_flag=True, help="Only the best real encoder of each format and rank at the precision.")
@click.option(
    "--limit", type=click.IntRange(0), default=500, show_default=True, metavar="N", help="Show at most N rows; 0: all."
)
@click.option("--figures", is_flag=True, help="Show additions and stability figures; computing them takes a while.")
@precision_option
@catalog_options
@json_option
def list_command(
    catalog: Catalog, precision: str, reverse: bool, limit: int, figures: bool, as_json: bool, **conditions: Any
) -> None:
    """List encoders: format, rank, errors, growth, ring and strategy.

    With --figures: nonzero coefficients, additions without and with shared subexpressions and in an alternative basis,
    the exponent ω of a recursion, growth, and the stability figures emax (per level) and γ₂.
    """
    entries = catalog.entries(precision=precision, **conditions)
    if reverse:
        entries.reverse()
    if as_json:
        print_json([entry.as_json(precision, figures=figures) for entry in entries])
        return
    if not entries:
        click.echo("The catalog holds no such encoder; stl-search finds new ones.", err=True)
        return
    shown = entries[:limit] if limit else entries
    console().print(figures_table(shown) if figures else table(shown, precision))
    if len(shown) < len(entries):
        click.echo(f"{len(entries) - len(shown)} more; --limit 0 shows all.", err=True)


def table(entries: list[Entry], precision: str) -> Table:
    """Make a table of entries that fits 80 columns.

    Parameters
    ----------
    entries : list of Entry
        The entries, one for each row.
    precision : str
        The precision of the second error.

    Returns
    -------
    rich.table.Table
        The table.
    """
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


def figures_table(entries: list[Entry]) -> Any:
    """Make the table of what entries cost and how stable they are, within 80 columns.

    Parameters
    ----------
    entries : list of Entry
        The entries, one for each row.

    Returns
    -------
    rich.table.Table
        The table.
    """
    columns = ("id", "format", "rank", "nnz", "naive", "shared", "alt.", "ω", "growth", "emax", "γ₂")
    rows = plain_table(*columns, right=" ".join(columns[2:]))
    for entry in counted(entries):
        found = entry.figures
        rows.add_row(
            entry.id[:ID_DIGITS],
            str(entry.format),
            str(entry.rank),
            str(sum(found.nonzeros)),
            str(found.additions.naive),
            str(found.additions.total),
            "–" if found.alternative is None else str(found.alternative[2]),
            f"{found.omega:.3f}",
            number(entry.growth),
            number(found.stability and found.stability.emax),
            number(found.stability and found.stability.gamma2),
        )
    return rows
