"""stl-catalog show: everything about one encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, precision_option, print_json
from strassen_tile.commands.kit.tables import ID_DIGITS, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog.catalog import Catalog
    from catalog.entry import Entry

#: Larger encoders are written out only when asked.
LONGEST_RANK = 64


@click.command("show")
@click.argument("id")
@click.option(
    "--formulas/--no-formulas", default=None, help="Write out the products [default: of exact encoders up to rank 64]."
)
@click.option("--picture/--no-picture", default=None, help="Draw the matrices [default: up to rank 64].")
@precision_option
@catalog_options
@json_option
def show_command(
    catalog: Catalog,
    id: str,
    formulas: bool | None,
    picture: bool | None,
    precision: str,
    as_json: bool,
) -> None:
    """Show all about the encoder ID.

    The command shows its figures, where it came from, what it was made from, its products as formulas if it is exact,
    and its matrices as a picture. ID is the beginning of the id, at least four digits and as many as no other shares.
    """
    from catalog.origin import why_not_replayed
    from stl_algebra.precision import PRECISIONS

    entry = catalog.get(id)
    if as_json:
        errors = {name: entry.error_at(name) for name in PRECISIONS}
        replayable = why_not_replayed(entry, catalog) is None
        print_json(entry.as_json(precision, figures=True) | {"errors": errors, "replayable": replayable})
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
    from catalog.entry import NOWHERE
    from stl_algebra.precision import PRECISIONS

    lines = {
        "id": entry.id,
        "format": f"{entry.format}, rank {entry.rank} of {entry.format.products} products (ratio {entry.ratio:.4f})",
        "ring": f"{entry.ring}, proved exact" if entry.exact else "R: approximate",
        "relative error": number(entry.relative_error)
        if entry.is_real
        else "none modulo 2; not meant for real numbers",
        "growth": number(entry.growth),
        "errors": "  ".join(f"{name} {number(entry.error_at(name))}" for name in PRECISIONS if entry.is_real),
        "best known": _best_known(entry),
        **_costs(entry),
        "file": "none, it is made on demand" if entry.path == NOWHERE else str(entry.path),
    }
    for name, value in lines.items():
        if value:
            click.echo(f"{name:<17} {value}")


def _costs(entry: Entry) -> dict[str, str]:
    """Additions, coefficients and stability figures, as `stl_algebra.quality` defines them."""
    found = entry.figures
    added, stable = found.additions, found.stability
    parts = f"{added.encode_x} + {added.encode_w} to encode, {added.decode} to decode"
    lines = {
        "additions": f"{added.total} with shared subexpressions ({parts}), {added.naive} without",
        "alternative basis": "",
        "nonzeros": " + ".join(map(str, found.nonzeros)) + f" = {sum(found.nonzeros)}",
        "coefficients": ", ".join(found.coefficients),
        "denominators": ", ".join(map(str, found.denominators)) if max(found.denominators) > 1 else "",
        "exponent": f"ω = {found.omega:.4f}",
        "stability": "",
    }
    if found.alternative is not None:
        nonzeros, naive, total, transformations = found.alternative
        lines["alternative basis"] = (
            f"{total} additions a level, {naive} without sharing ({nonzeros} nonzeros), "
            f"{transformations} to change the bases"
        )
    if found.leading is not None:
        lines["exponent"] += ", leading coefficient {:.4g}, in the alternative basis {:.4g}".format(*found.leading)
    if stable is not None:
        lines["stability"] = (
            f"factor {stable.stability_factor}, prefactor {stable.prefactor}, emax {number(stable.emax)} a level "
            f"(exponent {stable.exponent:.4g}), γ₂ {number(stable.gamma2)}"
        )
    return lines


def _best_known(entry: Entry) -> str:
    """The best rank known over the entry's ring with its source, and how far the entry is from it."""
    from stl_algebra.known_ranks import border_rank

    known, border = entry.best_known, border_rank(entry.format)
    limit = f"border rank at most {border}" if border else ""
    if known is None:
        return limit
    ring = f"over {entry.ring}" if entry.exact else "exact over Q"
    difference = entry.rank - known.rank
    words = (
        {True: f"{difference} more here", False: f"{-difference} fewer here"}[difference > 0]
        if difference
        else "reached"
    )
    return "; ".join(filter(None, [f"rank {known.rank} {ring}, {words} ({known.source})", limit]))


def _history(entry: Entry, catalog: Catalog) -> None:
    from catalog.origin import lineage, origin, particulars, why_not_replayed
    from strassen_tile.hints import command_line

    click.echo(f"\n{origin(entry)}")
    for line in particulars(entry):
        click.echo(f"  {line}")
    reason = why_not_replayed(entry, catalog)
    replay = command_line("stl-catalog replay", entry.id[:ID_DIGITS], catalog=catalog.directory)
    click.echo(f"{reason}." if reason else f"It can be made again: {replay}")
    if reason is None and entry.provenance.recipe is not None:
        click.echo(f"Promised: {_promised(entry.provenance.recipe)}.")
    if ancestors := lineage(entry, catalog):
        click.echo("Made from:")
        for line in ancestors:
            click.echo(f"  {line}")


def _promised(recipe: Mapping[str, Any]) -> str:
    """What the replay of a recipe promises, in words."""
    from catalog.origin import plain
    from search.running.replay import Promise
    from search.trial import Recipe
    from stl_algebra.errors import InvalidInput

    try:
        return plain(str(Promise.of([Recipe.from_json(recipe)])))
    except InvalidInput as error:
        return plain(f"nothing: {error}")


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
