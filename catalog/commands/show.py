"""stl-catalog show: everything about one encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, precision_option, print_json
from catalog.commands.tables import number

if TYPE_CHECKING:
    from catalog.catalog import Catalog


@click.command("show")
@click.argument("id")
@precision_option
@catalog_options
@json_option
def show_command(catalog: Catalog, id: str, precision: str, as_json: bool) -> None:
    """Show the encoder ID (any unique prefix of at least four digits): figures, provenance, lineage."""
    from stl_algebra.precision import PRECISIONS

    entry = catalog.get(id)
    if as_json:
        errors = {name: entry.error_at(name) for name in PRECISIONS}
        print_json(entry.as_json(precision) | {"errors": errors})
        return
    encoder = entry.encoder  # proved once more before anything is said about it
    came = entry.provenance
    lines = {
        "id": entry.id,
        "format": f"{entry.format}, rank {entry.rank} of {entry.format.products} products (ratio {entry.ratio:.4f})",
        "ring": f"{entry.ring}, proved exact" if encoder.exact else "R: approximate",
        "relative error": number(entry.relative_error),
        "growth": number(entry.growth),
        "errors": ", ".join(f"{name} {number(entry.error_at(name))}" for name in PRECISIONS),
        "strategy": came.strategy,
        "seed": came.seed,
        "seconds": None if came.seconds is None else f"{came.seconds:.1f}",
        "optimised for": came.precision,
        **{str(key): str(value) for key, value in came.details.items()},
        "made from": ", ".join(parent[:10] for parent in came.lineage) or None,
        "file": entry.path,
    }
    width = max(len(name) for name, value in lines.items() if value is not None)
    for name, value in lines.items():
        if value is not None:
            click.echo(f"{name:<{width}}  {value}")
