"""stl-bench layer: which encoder pays on one layer's shape, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from stl_algebra import Format
from stl_bench.commands.options import DTYPES, depth_option, timing_options
from strassen_tile.commands.kit.options import TileType, catalog_options, check_ranks, json_option, print_json

if TYPE_CHECKING:
    from catalog import Catalog
    from stl_algebra import TileEncoder
    from stl_bench.timing.advice import Advice, LayerAdvice


@click.command("layer")
@click.option("--rows", type=click.IntRange(1), required=True, help="Rows of the input: tokens in a batch.")
@click.option("--in", "in_features", type=click.IntRange(1), required=True, help="Input features.")
@click.option("--out", "out_features", type=click.IntRange(1), required=True, help="Output features.")
@click.option("--tile", type=TileType(), help="Only this format.  [default: all; 4x4x4 if a rank is given]")
@click.option("--rank", "ranks", type=int, multiple=True, help="Only this rank; may be given several times.")
@click.option(
    "--most", type=click.IntRange(1), help="Encoders to measure in full.  [default: 8, or all ranks that are given]"
)
@depth_option
@timing_options
@catalog_options
@json_option
def layer_command(
    catalog: Catalog,
    rows: int,
    in_features: int,
    out_features: int,
    tile: Format | None,
    ranks: tuple[int, ...],
    most: int | None,
    depth: int,
    precision: str,
    device: str,
    threads: int | None,
    repeats: int,
    seed: int,
    as_json: bool,
) -> None:
    """Time a dense layer against the catalog's encoders.

    Only the best encoder of every format and rank takes part. Every encoder that takes fewer multiplications than dense
    is timed once. Of those that may pay, the ones that no other beats in both speed and error are measured in full:
    speed-up, error, extra memory, and the rows from which on each pays. The last line says which encoder to take, or
    that dense wins.
    """
    import torch

    from stl_bench.environment import environment
    from stl_bench.timing.advisor import MOST_ENCODERS, advise
    from stl_nn.timing import check_device

    timed_on = check_device(device)
    encoders = _encoders(catalog, tile, ranks, precision, depth)
    if threads:
        torch.set_num_threads(threads)
    with _progress() as progress:
        found = advise(
            encoders,
            rows,
            in_features,
            out_features,
            dtype=getattr(torch, DTYPES[precision]),
            device=timed_on,
            repeats=repeats,
            seed=seed,
            depth=depth,
            most=most or max(MOST_ENCODERS, len(ranks)),
            progress=progress,
        )
    if as_json:
        print_json({**found.as_json(), "device": device, **environment(seed)})
    else:
        _print(found)


def _encoders(
    catalog: Catalog, tile: Format | None, ranks: tuple[int, ...], precision: str, depth: int
) -> list[TileEncoder]:
    """Find the best encoder of each rank named, or of each format and rank that takes fewer products than dense."""
    from stl_nn.recursion import composed_ratio

    if ranks:
        tile = tile or Format(4, 4, 4)
        check_ranks(tile, ranks)
        return [catalog.best(tile, rank, precision) for rank in dict.fromkeys(ranks)]
    entries = catalog.entries(tile, precision=precision, real=True, best=True)
    return [entry.encoder for entry in entries if composed_ratio(entry.encoder, depth) < 1]


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on standard error if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("timing dense")
        yield lambda doing, done, total: bar.update(task, description=doing, completed=done, total=total)


def _print(found: LayerAdvice) -> None:
    from stl_bench.timing.advice import pareto_front
    from strassen_tile.commands.kit.tables import console, number, plain_table

    def first_cells(one: Advice) -> tuple[str, ...]:
        return one.tile, str(one.rank), f"{one.multiplications:.3f}"

    def last_cells(one: Advice) -> tuple[str, ...]:
        return number(one.error), f"{one.extra_bytes / 1e6:.1f}"

    out = console()
    shape = f"{found.in_features} × {found.out_features}, {found.precision}"
    out.print(f"Dense: {found.dense_seconds * 1e3:.2f} ms for {found.rows} rows, {shape}")
    once = [one for one in found.advice if one.timed_once]
    in_full = [one for one in found.advice if not one.timed_once]
    if once:
        some = ("rank", "mults", "speed-up", "error", "extra MB")
        table = plain_table("tile", *some, right=" ".join(some))
        table.columns[-1].justify = "right"
        shown = pareto_front(once)
        for one in shown:
            table.add_row(*first_cells(one), f"~{one.speedup:.1f}×", *last_cells(one))
        out.print(
            f"\n{len(once)} encoders were timed once, on {found.once_rows} rows, which is right to about a tenth. "
            f"No other of them beats these {len(shown)} in both speed and error; --json shows all."
        )
        out.print(table)
        out.print("\nMeasured in full:")
    names = ("rank", "mults", "ms", "speed-up", "error", "extra MB", "pays from")
    table = plain_table("tile", *names, right=" ".join(names))
    for column in table.columns[-2:]:
        column.justify = "right"
    for one in in_full:
        pays = "never here" if one.break_even_rows is None else f"{one.break_even_rows} rows"
        times = f"{one.seconds * 1e3:.2f}", f"{one.speedup:.2f}×"
        table.add_row(*first_cells(one), *times, *last_cells(one), pays)
    out.print(table)
    out.print(f"\n{found.verdict}")
