"""stl-catalog show: everything about one encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.commands.options import catalog_options, json_option, precision_option, print_json
from catalog.commands.tables import number

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry

#: Larger encoders are written out only when asked.
LONGEST_RANK = 64


@click.command("show")
@click.argument("id")
@click.option("--formulas/--no-formulas", default=None, help="Write the products out [default: exact ones to rank 64].")
@click.option("--picture/--no-picture", default=None, help="Draw the matrices [default: up to rank 64].")
@precision_option
@catalog_options
@json_option
def show_command(
    catalog: Catalog, id: str, formulas: bool | None, picture: bool | None, precision: str, as_json: bool
) -> None:
    """Show the encoder ID (any unique prefix of at least four digits).

    Its figures, where it came from and what it was made from, its products as formulas where it is exact, and
    its matrices as a picture.
    """
    from catalog.story import why_not_replayed
    from stl_algebra.precision import PRECISIONS

    entry = catalog.get(id)
    if as_json:
        errors = {name: entry.error_at(name) for name in PRECISIONS}
        replayable = why_not_replayed(entry, catalog) is None
        print_json(entry.as_json(precision) | {"errors": errors, "replayable": replayable})
        return
    small = entry.rank <= LONGEST_RANK
    entry.encoder.digest  # noqa: B018  # proved once more before anything is said about it
    _figures(entry)
    _history(entry, catalog)
    if formulas or (formulas is None and entry.exact and small):
        _formulas(entry)
    if picture or (picture is None and small):
        _picture(entry)


def _figures(entry: Entry) -> None:
    from catalog.references import border_rank, exact_rank
    from stl_algebra.precision import PRECISIONS

    known, border = exact_rank(entry.format), border_rank(entry.format)
    literature = [f"exact rank {known}" if known else "", f"border rank at most {border}" if border else ""]
    lines = {
        "id": entry.id,
        "format": f"{entry.format}, rank {entry.rank} of {entry.format.products} products (ratio {entry.ratio:.4f})",
        "ring": f"{entry.ring}, proved exact" if entry.exact else "R: approximate",
        "relative error": number(entry.relative_error)
        if entry.is_real
        else "none modulo 2; not meant for real numbers",
        "growth": number(entry.growth),
        "errors": "  ".join(f"{name} {number(entry.error_at(name))}" for name in PRECISIONS if entry.is_real),
        "literature": ", ".join(filter(None, literature)),
        "file": str(entry.path),
    }
    for name, value in lines.items():
        if value:
            click.echo(f"{name:<15} {value}")


def _history(entry: Entry, catalog: Catalog) -> None:
    from catalog.story import lineage, origin, particulars, why_not_replayed

    click.echo(f"\n{origin(entry)}")
    for line in particulars(entry):
        click.echo(f"  {line}")
    reason = why_not_replayed(entry, catalog)
    click.echo(f"{reason}." if reason else f"It can be made again: stl-catalog replay {entry.id[:10]}")
    if ancestors := lineage(entry, catalog):
        click.echo("Made from:")
        for line in ancestors:
            click.echo(f"  {line}")


def _formulas(entry: Entry) -> None:
    from catalog.formulas import output_formulas, product_formulas
    from stl_algebra.errors import InvalidInput

    if not entry.exact:
        raise InvalidInput(f"{entry.id[:10]} is approximate; only exact encoders are written out as formulas")
    x, w, d = entry.encoder.exact_coefficients()
    out = [list(column) for column in zip(*d, strict=True)]
    click.echo(f"\nC = AB for a {entry.format.n}×{entry.format.m} A and a {entry.format.m}×{entry.format.p} B:")
    for line in product_formulas(entry.format, x, w) + output_formulas(entry.format, out):
        click.echo(f"  {line}")


def _picture(entry: Entry) -> None:
    from catalog.picture import LEGEND_EXACT, LEGEND_REAL, picture

    click.echo("\nE_X | E_W | Dᵀ, one line a product:")
    for line in picture(entry.encoder):
        click.echo(f"  {line}")
    click.echo(f"  ({LEGEND_EXACT if entry.exact else LEGEND_REAL})")
