"""stl-bench matmul: encoders against the dense product, with the time of each pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stl_bench.commands.options import DTYPES, timing_options
from strassen_tile.commands.kit.options import TileType, catalog_options, check_ranks, json_option, print_json

if TYPE_CHECKING:
    from catalog import Catalog
    from stl_algebra import Format

#: The multiplications of 32, 40 and 49 products of ⟨4,4,4⟩, which are measured if no rank is given.
USUAL_SHARES = (1 / 2, 5 / 8, 49 / 64)


@click.command("matmul")
@click.option(
    "--size",
    type=click.IntRange(1),
    default=4096,
    show_default=True,
    help="Rows and columns of both matrices: M = K = N.",
)
@click.option("--tile", type=TileType(), default="4", show_default=True, help="Format of the encoders.")
@click.option(
    "--rank",
    "ranks",
    type=int,
    multiple=True,
    help="Rank of the encoder; may be given several times.  [default: nearest to 1/2, 5/8 and 49/64 of all products]",
)
@click.option("--depth", type=click.IntRange(0), default=0, show_default=True, help="Levels of Strassen's scheme.")
@timing_options
@catalog_options
@json_option
def matmul_command(
    catalog: Catalog,
    size: int,
    tile: Format,
    ranks: tuple[int, ...],
    depth: int,
    precision: str,
    device: str,
    threads: int | None,
    repeats: int,
    seed: int,
    as_json: bool,
) -> None:
    """Time a square product by encoders against torch.mm.

    W is encoded beforehand. The error measured on the data timed stands beside the predicted one.
    """
    import torch

    from stl_bench.environment import environment
    from stl_bench.timing.breakdown import time_matmul
    from stl_nn.timing import check_device

    timed_on = check_device(device)
    check_ranks(tile, ranks)
    encoders = [catalog.best(tile, rank, precision) for rank in ranks or _usual_ranks(catalog, tile)]
    if threads:
        torch.set_num_threads(threads)
    dtype = getattr(torch, DTYPES[precision])
    timings = [
        time_matmul(encoder, (size, size, size), dtype=dtype, device=timed_on, repeats=repeats, seed=seed, depth=depth)
        for encoder in encoders
    ]
    if as_json:
        results = [timing.as_json() for timing in timings]
        print_json({"size": size, "device": device, "results": results, **environment(seed)})
        return
    from strassen_tile.commands.kit.tables import console, number, plain_table

    names = ("rank", "dense", "stl", "gain", "encode", "bmm", "decode", "predicted", "measured")
    table = plain_table("tile", *names, right=" ".join(names))
    for timing in timings:
        passes = (timing.encode_seconds, timing.products_seconds, timing.decode_seconds)
        table.add_row(
            timing.tile,
            str(timing.rank),
            f"{timing.dense_seconds * 1e3:.1f}",
            f"{timing.seconds * 1e3:.1f}",
            f"{timing.speedup:.2f}×",
            *(f"{taken * 1e3:.1f}" for taken in passes),
            number(timing.predicted_error),
            number(timing.measured_error),
        )
    deep = f", {depth} level{'s' * (depth > 1)} of Strassen's scheme" if depth else ""
    out = console()
    out.print(
        f"{size} × {size} × {size}, {precision}, {device}{deep}; times in ms, medians of {repeats} runs taking turns"
    )
    out.print(table)


def _usual_ranks(catalog: Catalog, tile: Format) -> list[int | None]:
    """Find the ranks known nearest to some shares of a format's products; None, for any, if none is known."""
    known = {entry.rank for entry in catalog.entries(tile, real=True)}
    nearest = {min(known, key=lambda rank: abs(rank - share * tile.products), default=None) for share in USUAL_SHARES}
    return sorted(nearest, key=lambda rank: rank or 0)
