"""stl-bench search: how fast the search's steps are, and what searches reach end to end."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stl_bench.search_speed.steps import Figure


@click.command("search")
@click.option(
    "--quick", is_flag=True, help="A tenth of the steps and three seeds, no search end to end: half a minute."
)
@click.option("--steps", "steps_only", is_flag=True, help="All steps and seeds, no search end to end.")
@click.option(
    "--all", "everything", is_flag=True, help="Searches of other formats, ranks and precisions end to end too."
)
@click.option(
    "--long", "long", is_flag=True, help="A walk of ⟨4,4,4⟩ over GF(2) down to 47 products too: up to an hour."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of every random start.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else on standard output.")
def search_bench_command(quick: bool, steps_only: bool, everything: bool, long: bool, seed: int, as_json: bool) -> None:
    """Time the steps of a search, and whole searches.

    The steps are those of Levenberg–Marquardt, of alternating least squares, beside TensorLy's, and of flips. Steps are
    timed on one thread after compilation. Searches start from constructions alone, as stl-search --no-shipped does, and
    use two processes.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from stl_bench.environment import environment
    from stl_bench.search_speed.end_to_end import SEARCHES, USUAL, rank_47_over_gf2, run_search
    from stl_bench.search_speed.steps import measurements

    figures: list[Figure] = []
    searches: list[dict[str, Any]] = []
    chosen = () if quick or steps_only else SEARCHES if everything else SEARCHES[:USUAL]
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task("compiling")
        for name, measure in measurements(seed, quick=quick):
            progress.update(task, description=name)
            figures.append(measure())
        for arguments, at_most in chosen:
            progress.update(task, description=f"stl-search {arguments}")
            figure, found = run_search(arguments, at_most, seed)
            figures.append(figure)
            searches.append(found)
        if long:
            progress.update(task, description="⟨4,4,4⟩:47 over GF(2)")
            figures.append(rank_47_over_gf2(seed))
    if as_json:
        about = environment(seed, "tensorly")
        record = {"figures": [figure.as_json() for figure in figures], "searches": searches, **about}
        json.dump(record, sys.stdout, indent=2, allow_nan=False)
        sys.stdout.write("\n")
        return
    _print(figures)


def _print(figures: Sequence[Figure]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("asked", justify="right", no_wrap=True)
    table.add_column("how", overflow="fold")
    for figure in figures:
        digits = ",.0f" if figure.value and figure.value >= 1000 else ".4g"
        value = "–" if figure.value is None else f"{figure.value:{digits}} {figure.unit}"
        asked = f"≤ {figure.at_most:g}" if figure.at_most else f"≥ {figure.at_least:,.0f}" if figure.at_least else ""
        style = {True: "green", False: "red", None: ""}[figure.met]
        table.add_row(figure.name, value, asked, figure.how, style=style)
    Console(soft_wrap=False, highlight=False, markup=False, emoji=False).print(table)
