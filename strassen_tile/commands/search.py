"""stl-search: options in, sentences and tables out."""

from __future__ import annotations

import pathlib
import time
from typing import TYPE_CHECKING

import click

from stl_algebra.errors import InvalidInput
from stl_algebra.precision import PRECISIONS
from strassen_tile.commands.kit.options import (
    PrecisionType,
    TileType,
    catalog_options,
    check_ranks,
    json_option,
    print_json,
)
from strassen_tile.commands.kit.reporting import Reporting, interrupted_status, version_option
from strassen_tile.commands.kit.search_options import DurationType, RanksType, StrategyType, weights_option
from strassen_tile.commands.kit.tables import ID_DIGITS

if TYPE_CHECKING:
    from rich.console import Console

    from catalog import Catalog
    from stl_algebra.format import Format
    from strassen_tile.found import Found


@click.command("stl-search", cls=Reporting, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--tile", type=TileType(), required=True, help="The format: 4 for ⟨4,4,4⟩, or 2x3x4.")
@click.option("--rank", "ends", type=RanksType(), required=True, help="The rank, or a range of ranks: 40 or 16-49.")
@click.option(
    "--precision",
    type=PrecisionType(),
    default="bf16",
    show_default=True,
    help=f"Minimise the error at this precision: {', '.join(PRECISIONS)}.",
)
@click.option(
    "--budget",
    type=DurationType(),
    help="Search this long: 60s, 10m or 2h [default: 60s, or no limit with --trials].",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    metavar="N",
    help="Stop after N trials. With --jobs 1 and no --budget, the same search finds the same again.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Run N tasks at a time [default: one for each core, or for each worker of --dask].",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the random generators.")
@click.option(
    "--strategy",
    type=StrategyType(),
    default="auto",
    show_default=True,
    help="Use one strategy and show its results only; auto uses all. A class of your own is module:Class.",
)
@weights_option("Minimise the error for inputs with these second moments of tiles (a file of stl-bench moments).")
@click.option(
    "--dask", metavar="ADDRESS", help="Search on the Dask cluster whose scheduler has this address: tcp://host:port."
)
@catalog_options
@json_option
@version_option
def search_command(
    catalog: Catalog,
    tile: Format,
    ends: tuple[int, int],
    precision: str,
    budget: float | None,
    trials: int | None,
    jobs: int | None,
    seed: int,
    strategy: str,
    moments_file: pathlib.Path | None,
    dask: str | None,
    as_json: bool,
) -> None:
    """Search for the encoder of a format and rank with the least error at a precision.

    The catalog keeps what is found. Ctrl-C and SIGTERM end the search early; the best found so far is kept.
    """
    started = time.monotonic()
    check_ranks(tile, ends)
    from rich.console import Console

    from strassen_tile.searching import search

    console = Console(stderr=as_json, highlight=False, soft_wrap=True, markup=False, emoji=False)
    try:
        found = search(
            tile,
            range(ends[0], ends[1] + 1),
            precision=precision,
            budget=budget,
            trials=trials,
            jobs=jobs,
            seed=seed,
            strategy=strategy,
            weights=moments_file,
            catalog=catalog,
            dask=dask,
            view=console,
        )
    except KeyboardInterrupt as interruption:
        click.echo("The search was interrupted before it found an encoder.", err=True)
        raise click.exceptions.Exit(interrupted_status(interruption)) from None
    if as_json:
        run = {"elapsed": round(time.monotonic() - started, 3), "interrupted": found.interrupted is not None}
        single = ends[0] == ends[1]
        figures = found.as_json()
        print_json(figures[0] | run if single else {"encoders": figures, "ranks_without": found.ranks_without} | run)
    else:
        _print_found(found, console)
    if found.failure:
        raise InvalidInput(found.failure)
    if found.interrupted is not None:
        raise click.exceptions.Exit(interrupted_status(found.interrupted))


def _print_found(found: Found, console: Console) -> None:
    """Print the figures of one encoder, or a row for each rank, and where they are kept."""
    from search.running.report import frontier, summary
    from strassen_tile.hints import command_line

    if found.interrupted is not None:
        kept = "the best so far is kept" if found.failure is None else "this is the best so far"
        console.print(f"Interrupted; {kept}.\n")
    else:
        console.print("")
    encoders = [entry.encoder for entry in found.entries]
    one = len(encoders) == 1
    console.print(summary(found.problem, encoders[0]) if one else frontier(found.problem, encoders))
    if found.directory is not None:
        if found.new:
            console.print(f"\nKept in {found.directory}")
        else:
            console.print("\nNothing better was found than the catalog holds.")
        show = command_line("stl-catalog show", found.entries[0].id[:ID_DIGITS], catalog=found.directory)
        console.print(f"See it with: {show}")
    for why, missing in found.ranks_without.items():
        console.print(f"Ranks without an encoder, {why}: {', '.join(map(str, missing))}.")


if __name__ == "__main__":  # for stl_bench, which runs whole searches in processes of their own
    search_command()
