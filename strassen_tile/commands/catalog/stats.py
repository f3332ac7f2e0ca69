"""stl-catalog stats: what the catalog holds, in numbers."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, print_json
from strassen_tile.commands.kit.tables import console, plain_table

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("stats")
@catalog_options
@json_option
def stats_command(catalog: Catalog, as_json: bool) -> None:
    """Count encoders, and compare exact ranks with the best known."""
    from catalog.origin import plain
    from catalog.references import exact_rank

    entries = catalog.entries()
    totals = {
        "encoders": len(entries),
        "exact": sum(e.exact for e in entries),
        "shipped": sum(e.shipped for e in entries),
        "damaged": len(catalog.failures()),
    }
    rings = dict(Counter(str(e.ring) for e in entries).most_common())
    strategies = dict(Counter(e.provenance.strategy for e in entries).most_common())
    exact_ranks: dict[tuple[int, ...], int] = {}  # which do not depend on the order of the dimensions
    for entry in entries:
        if entry.exact and entry.is_real:
            shape = tuple(sorted(entry.format))
            exact_ranks[shape] = min(entry.rank, exact_ranks.get(shape, entry.rank))
    formats = []
    for format, group in groupby(sorted(entries, key=lambda e: (e.format.products, e.format)), key=lambda e: e.format):
        here = list(group)
        formats.append(
            {
                "format": str(format),
                "encoders": len(here),
                "least_rank": min((e.rank for e in here if e.is_real), default=None),
                "exact_rank": exact_ranks.get(tuple(sorted(format))),
                "known_exact_rank": exact_rank(format),
            }
        )
    if as_json:
        print_json({**totals, "rings": rings, "strategies": strategies, "formats": formats})
        return
    click.echo(", ".join(f"{count} {name}" for name, count in totals.items()))
    for title, counts in (("rings", rings), ("strategies", strategies)):
        click.echo(f"{title}: " + ", ".join(f"{count} {plain(name)}" for name, count in counts.items()))
    names = list(formats[0]) if formats else []
    table = plain_table(*(name.replace("_", " ") for name in names))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in formats:
        table.add_row(*("–" if row[name] is None else str(row[name]) for name in names))
    console().print(table)
