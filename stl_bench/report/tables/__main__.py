"""Print a table of results as Markdown: python -m stl_bench.report.tables NAME."""

from __future__ import annotations

from pathlib import Path

import click

from stl_algebra import InvalidInput
from stl_bench.records import RESULTS
from stl_bench.report.tables import tables


@click.command(epilog=f"Tables: {', '.join(tables())}.")
@click.argument("names", metavar="NAME...", nargs=-1, type=click.Choice(list(tables())))
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    show_default=True,
    help="The folder of recorded results.",
)
def main(names: tuple[str, ...], results: Path) -> None:
    """Print tables of results as Markdown, all of them if no name is given."""
    found = tables(results)
    try:
        for name in names or found:
            click.echo(found[name]())
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m stl_bench.report.tables")
