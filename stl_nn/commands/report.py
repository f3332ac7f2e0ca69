"""stl-bench report: all recorded results on one page."""

from __future__ import annotations

from pathlib import Path

import click

from catalog.commands.options import json_option, print_json


@click.command("report")
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("benchmarks/results"),
    show_default=True,
    help="The folder of recorded results.",
)
@json_option
def report_command(out: Path, results: Path, as_json: bool) -> None:
    """Render all recorded results to OUT/index.html, self-contained, and to OUT/report.md.

    What holds and what does not, in short; accuracy of every method at what it costs with encoding; accuracy beside
    speed; wall-clock, errors of layers, learning curves, the encoders that are shipped, and the exact commands. What
    is not recorded is named with the command that makes it.
    """
    from stl_nn.evidence.page import write_report

    sections = write_report(results, out)
    missing = [(what, command) for section in sections for what, command in section.missing]
    if as_json:
        found = [{"what": what, "command": command} for what, command in missing]
        print_json({"page": str(out / "index.html"), "markdown": str(out / "report.md"), "missing": found})
        return
    click.echo(f"Written: {out / 'index.html'} and {out / 'report.md'}")
    if missing:
        click.echo(f"{len(missing)} results are not recorded; the page names the command for each, first:")
        click.echo(f"  {missing[0][0]}: {missing[0][1]}")
