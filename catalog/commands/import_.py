"""stl-catalog import: encoders of other collections into the catalog, verified first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.commands.options import catalog_options, json_option, precision_option, print_json
from catalog.commands.tables import ID_DIGITS, console, number, plain_table
from stl_algebra.errors import InvalidInput

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.interchange import Reading

KINDS = ["safetensors", "alphatensor", "perminov-json", "perminov-txt", "plinopt", "exp", "benson-ballard"]


class FileType(click.ParamType):
    """A file or folder on the command line; an empty name, as of an unset variable, is not the current folder."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if value == "":
            self.fail("an empty name names no file; write . for the current folder", param, ctx)
        return Path(value)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FileType())
@click.option("--from", "kind", type=click.Choice(KINDS), help="The files' format [default: told by their content].")
@click.option(
    "--x",
    type=click.FloatRange(0, 1, min_open=True),
    help="Where to evaluate schemes in x [default: the best x for the precision].",
)
@click.option("--approximate", is_flag=True, help="Keep schemes that are exact nowhere, as approximate encoders.")
@precision_option
@catalog_options
@json_option
def import_command(
    catalog: Catalog,
    files: tuple[Path, ...],
    kind: str | None,
    x: float | None,
    approximate: bool,
    precision: str,
    as_json: bool,
) -> None:
    """Read schemes in other collections' formats, verify them, and store them in the catalog.

    A scheme that holds only modulo 2 is kept as one over GF(2) and never offered for real numbers. One whose
    products the catalog holds already, in another order, scaling or sign, is not stored a second time. A folder
    stands for the scheme files in it. Exit 1 where a file is no sound scheme, or cannot be stored; the others are
    stored all the same.
    """
    from catalog.interchange import Options, read_files
    from catalog.story import plain
    from stl_algebra.precision import Precision

    results: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    for reading in read_files(files, Options(Precision.parse(precision), x, approximate), kind):
        try:
            results.append(_stored(catalog, reading, precision))
        except InvalidInput as error:
            click.echo(f"{reading.path}: {plain(error)}", err=True)
            about = {"file": str(reading.path), "recognised": reading.kind, "status": "refused"}
            faults.append(about | {"fault": str(error)})
    if as_json:
        print_json(results + faults)
    elif results:
        click.echo("\n".join(_summary(results)))
        console().print(_table(results, precision))
    if faults:
        raise click.exceptions.Exit(1)


def _stored(catalog: Catalog, reading: Reading, precision: str) -> dict[str, Any]:
    """The entry of an encoder read, and what became of it. Raises InvalidInput where there is none, or no room for it.

    Where the catalog knows it, or its equal up to order, scaling and signs of products, that entry stands for it
    and no second copy is stored; but a proof of what was only approximate before is worth storing.
    """
    encoder, provenance = reading.encoder, reading.provenance
    if encoder is None or provenance is None:
        raise InvalidInput(reading.fault or "it holds no encoder")
    twin = catalog.duplicate_of(encoder)
    if twin is None or (encoder.exact and not twin.exact):
        entry, status = catalog.add(encoder, provenance, reading.ancestors), "new"
    else:
        entry, status = twin, "known" if twin.id == encoder.digest else "same products: not stored again"
    return entry.as_json(precision) | {"file": str(reading.path), "recognised": reading.kind, "status": status}


def _summary(results: list[dict[str, Any]]) -> list[str]:
    """One line a file: what it was recognised as, and how many encoders it held."""
    files = Counter((result["file"], result["recognised"]) for result in results)
    return [f"{Path(file).name}: {kind}, {count} encoder{'s' * (count > 1)}" for (file, kind), count in files.items()]


def _table(results: list[dict[str, Any]], precision: str) -> Any:
    at = f"error@{precision}"
    rows = plain_table("id", "format", "rank", "ring", "error", at, "status", right=f"rank error {at}")
    for result in results:
        real = result["ring"] != "GF(2)"
        rows.add_row(
            result["id"][:ID_DIGITS],
            result["format"],
            str(result["rank"]),
            result["ring"],
            number(result["relative_error"]) if real else "mod 2",
            number(result["error_at_precision"]) if real else "mod 2",
            result["status"],
        )
    return rows
