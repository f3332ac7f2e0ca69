"""stl-catalog compare: two encoders side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from strassen_tile.commands.kit.options import catalog_options, json_option, precision_option, print_json
from strassen_tile.commands.kit.tables import ID_DIGITS, console, number, plain_table

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry


@click.command("compare")
@click.argument("first")
@click.argument("second")
@precision_option
@catalog_options
@json_option
def compare_command(catalog: Catalog, first: str, second: str, precision: str, as_json: bool) -> None:
    """Show two encoders side by side, and whether they are equivalent.

    Equivalent encoders differ in the order, scaling and sign of the products, or by a symmetry of the matrix product.
    Encoders whose invariants differ are not equivalent; those whose invariants agree may still differ.
    """
    from catalog.equivalence import compare_orbits, rank_type, same_products

    a, b = catalog.get(first), catalog.get(second)
    same = same_products(a.encoder, b.encoder)
    equivalent, reason = (True, "the products are the same") if same else compare_orbits(a.encoder, b.encoder)
    if as_json:
        verdict = {"same_products": same, "maybe_equivalent": equivalent, "reason": reason}
        print_json({"first": a.as_json(precision), "second": b.as_json(precision), **verdict})
        return
    table = plain_table("", a.id[:ID_DIGITS], b.id[:ID_DIGITS])
    for column in table.columns[1:]:
        column.no_wrap = False
    left, right = _figures(a), _figures(b)
    left["products by ranks"], right["products by ranks"] = (_type(rank_type(e.encoder)) for e in (a, b))
    for name in left:
        table.add_row(name, left[name], right[name])
    console().print(table)
    if same:
        click.echo("The same products, in another order, scaling or sign.")
    elif equivalent:
        click.echo(f"Perhaps equivalent: {reason}.")
    else:
        click.echo(f"Not equivalent: {reason}.")


def _figures(entry: Entry) -> dict[str, Any]:
    from catalog.origin import origin
    from stl_algebra.precision import PRECISIONS

    encoder = entry.encoder
    nonzeros = [int((factor != 0).sum()) for factor in encoder.factors]
    return {
        "format": str(entry.format),
        "rank": f"{entry.rank} (ratio {entry.ratio:.4f})",
        "ring": str(entry.ring),
        "relative error": number(entry.relative_error) if entry.is_real else "mod 2",
        **{f"error at {name}": number(entry.error_at(name)) if entry.is_real else "mod 2" for name in PRECISIONS},
        "growth": number(entry.growth),
        "nonzeros": " + ".join(str(count) for count in nonzeros) + f" = {sum(nonzeros)}",
        "largest entry": number(max(float(abs(factor).max()) for factor in encoder.factors)),
        "origin": origin(entry),
    }


def _type(counts: dict[tuple[int, int, int], int]) -> str:
    return ", ".join(f"{count} of {'·'.join(map(str, ranks))}" for ranks, count in counts.items())
