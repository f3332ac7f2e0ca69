"""stl-bench report: all recorded results on one page."""

from __future__ import annotations

from pathlib import Path

import click

from stl_bench.records import RESULTS
from strassen_tile.commands.kit.options import json_option, print_json


@click.command("report")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    show_default=True,
    help="The folder of recorded results.",
)
@json_option
def report_command(out: Path, results: Path, as_json: bool) -> None:
    """Render all recorded results as a report.

    It is written to OUT/index.html, which is self-contained, and to OUT/report.md. The report begins with what holds
    and what does not. It compares accuracy at equal cost, encoding counted, and accuracy with speed; it shows
    wall-clock times, errors of layers, learning curves, the shipped encoders, and the exact commands. For a result that
    is not recorded it names the command that measures it. Records are part of a checkout of the project, not of an
    installed package: run this in a checkout, or name their folder.
    """
    from stl_bench.report.page import write_report

    sections = write_report(results, out)
    missing = [(what, command) for section in sections for what, command in section.missing]
    if as_json:
        found = [{"what": what, "command": command} for what, command in missing]
        print_json({"page": str(out / "index.html"), "markdown": str(out / "report.md"), "missing": found})
        return
    click.echo(f"Written: {out / 'index.html'} and {out / 'report.md'}")
    if missing:
        verb = "result is" if len(missing) == 1 else "results are"
        click.echo(f"{len(missing)} {verb} not recorded; the page names the command that measures each. The first is")
        click.echo(f"  {missing[0][0]}: {missing[0][1]}")
