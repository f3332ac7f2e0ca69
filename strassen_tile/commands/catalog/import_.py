"""stl-catalog import: encoders of other collections into the catalog, verified first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stl_algebra.errors import InvalidInput
from strassen_tile.commands.kit.options import catalog_options, json_option, precision_option, print_json
from strassen_tile.commands.kit.tables import ID_DIGITS, console, number, plain_table, tracked

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.entry import Entry
    from catalog.interchange import Reading
    from catalog.interchange.ledger import Ledger
    from catalog.twins import Twins

KINDS = [
    *("safetensors", "alphatensor", "npy", "perminov-json", "perminov-reduced", "perminov-txt", "plinopt", "exp"),
    *("mathematica", "maple", "benson-ballard"),
]
#: Tables of more encoders than this say nothing that the summary does not.
MOST_ROWS = 100


class FileType(click.ParamType):
    """A file or folder on the command line; an empty name, as of an unset variable, is not the current folder."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Read the path."""
        if value == "":
            self.fail("an empty name names no file; write . for the current folder", param, ctx)
        return Path(value)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=FileType())
@click.option(
    "--from", "kind", type=click.Choice(KINDS), help="The format of the files [default: recognised by their content]."
)
@click.option(
    "--x",
    type=click.FloatRange(0, 1, min_open=True),
    help="Evaluate schemes in x at this x [default: the best x for the precision].",
)
@click.option("--approximate", is_flag=True, help="Keep schemes that are exact in no ring, as approximate encoders.")
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
    """Verify schemes of other collections, and store them.

    A folder stands for the scheme files in it and below it, read on all cores; what an earlier import stored is not
    read again. A scheme that holds only modulo 2 is kept as one over GF(2) and never offered for real numbers. A
    scheme is not stored a second time if the catalog holds its products, in another order, scaling or sign. The
    command exits with 1 if a file is no sound scheme or cannot be stored; the others are stored all the same.
    """
    from threadpoolctl import threadpool_limits

    from catalog.interchange import Options
    from catalog.interchange.collection import CollectionReader
    from catalog.interchange.ledger import Ledger
    from catalog.interchange.listing import sources_of
    from search.running.worker import prepare_worker
    from search.running.workers import usable_cores
    from stl_algebra.precision import Precision

    twins = _twins(catalog)
    ledger = Ledger(catalog.directory, twins)
    options = Options(Precision.parse(precision), x, approximate)
    reader = CollectionReader(options, kind, ledger.fingerprints, usable_cores(), prepare_worker)
    sources = list(sources_of(files))
    results: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    with threadpool_limits(1):  # the processes that read have the cores
        for readings in tracked(reader.read(sources), len(sources), "files read"):
            sound, refused = _kept(catalog, twins, ledger, readings, precision)
            results += sound
            faults += refused
    if as_json:
        print_json(results + faults)
    elif results:
        _show(results, precision)
    if len(sources) > 1 and not as_json and results + faults:
        console().print(_verdicts(results + faults))
    if faults:
        raise click.exceptions.Exit(1)


def _twins(catalog: Catalog) -> Twins:
    """What the catalog holds already; nothing where its folder cannot be read: storing there says what is wrong."""
    from catalog.twins import Twins

    try:
        return Twins(catalog)
    except InvalidInput:
        return Twins(())


def _kept(
    catalog: Catalog, twins: Twins, ledger: Ledger, readings: list[Reading], precision: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What became of the encoders of one file, and what is wrong with the others, which is named."""
    from catalog.origin import plain

    results: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    for reading in readings:
        about = {"file": str(reading.path), "recognised": reading.kind}
        try:
            stored = _known(twins, ledger, reading) if reading.skipped else [_stored(catalog, twins, reading)]
            results += [entry.as_json(precision) | about | {"status": status} for entry, status in stored]
        except InvalidInput as error:
            click.echo(f"{reading.path}: {plain(error)}", err=True)
            faults.append(about | {"status": "refused", "fault": str(error)})
    if results and not faults and not readings[0].skipped:
        ledger.add(readings[0].fingerprint, [result["id"] for result in results])
    return results, faults


def _known(twins: Twins, ledger: Ledger, reading: Reading) -> list[tuple[Entry, str]]:
    """The entries of a file that was imported before."""
    return [(twins[id], "known") for id in ledger.ids(reading.fingerprint)]


def _stored(catalog: Catalog, twins: Twins, reading: Reading) -> tuple[Entry, str]:
    """The entry of an encoder read, and what became of it. Raises InvalidInput where there is none, or no room for it.

    If the catalog knows it, or its equal up to order, scaling and signs of products, that entry stands for it and no
    second copy is stored; but a proof of what was only approximate before is worth storing.
    """
    encoder, provenance = reading.encoder, reading.provenance
    if encoder is None or provenance is None:
        raise InvalidInput(reading.fault or "it holds no encoder")
    twin = twins.of(encoder)
    if twin is None or (encoder.exact and not twin.exact):
        entry = catalog.add(encoder, provenance, reading.ancestors)
        twins.add(entry)
        return entry, "new"
    return twin, "known" if twin.id == encoder.digest else "same products: not stored again"


def _show(results: list[dict[str, Any]], precision: str) -> None:
    """What was recognised, and a table of the encoders unless they are too many."""
    if len(results) <= MOST_ROWS:
        click.echo("\n".join(_summary(results)))
        console().print(_table(results, precision))


def _verdicts(results: list[dict[str, Any]]) -> Any:
    """How many encoders of each format of file had which verdict; a file that is refused counts as one."""
    counts = Counter((result["recognised"], result["status"].split(":")[0]) for result in results)
    statuses = ["new", "known", "same products", "refused"]
    rows = plain_table("format of files", *statuses, right=" ".join(statuses))
    for kind in sorted({kind for kind, _ in counts}):
        rows.add_row(kind, *(str(counts[kind, status]) for status in statuses))
    return rows


def _summary(results: list[dict[str, Any]]) -> list[str]:
    """One line for each file: its format, and the number of encoders in it."""
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
            result["status"].split(":")[0],
        )
    return rows
