"""stl-bench layer: which encoder pays on one layer's shape, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog.commands.options import TileType, catalog_options, json_option, print_json
from stl_nn.commands.options import DTYPES, depth_option, timing_options

if TYPE_CHECKING:
    from catalog import Catalog
    from stl_algebra import Format


@click.command("layer")
@click.option("--rows", type=click.IntRange(1), required=True, help="Rows of the input: tokens in a batch.")
@click.option("--in", "in_features", type=click.IntRange(1), required=True, help="Input features.")
@click.option("--out", "out_features", type=click.IntRange(1), required=True, help="Output features.")
@click.option("--tile", type=TileType(), default="4", show_default=True, help="Format of the encoders.")
@click.option("--rank", "ranks", type=int, multiple=True, help="Only this rank; may be given several times.")
@depth_option
@timing_options
@catalog_options
@json_option
def layer_command(
    catalog: Catalog,
    rows: int,
    in_features: int,
    out_features: int,
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
    """Time the dense layer and the catalog's best encoders on one shape: of the ranks named, or of eight in all.

    Prints speed-up, error, extra memory, and the rows from which on each encoder pays; says so where dense wins.
    """
    import torch

    from stl_nn.advisor import MOST_ENCODERS, advise, spread
    from stl_nn.models.measurement import circumstances
    from stl_nn.timing import check_device

    for rank in ranks:
        tile.check_rank(rank)
    where = check_device(device)
    entries = catalog.entries(tile, precision=precision, real=True, best=True)
    encoders = [entry.encoder for entry in entries if entry.rank in ranks or not ranks]
    if not ranks:  # time grows with rank alone, so a few tell about the others
        encoders = spread(encoders, MOST_ENCODERS)
    if threads:
        torch.set_num_threads(threads)
    found = advise(
        encoders,
        rows,
        in_features,
        out_features,
        dtype=getattr(torch, DTYPES[precision]),
        device=where,
        repeats=repeats,
        seed=seed,
        depth=depth,
    )
    if as_json:
        print_json({**found.as_json(), "device": device, **circumstances(seed)})
        return
    from catalog.commands.tables import console, number, plain_table

    names = ("rank", "mults", "ms", "speed-up", "error", "extra MB", "pays from")
    table = plain_table("tile", *names, right=" ".join(names))
    table.columns[-1].justify = "right"
    for one in found.advice:
        pays = "never here" if one.break_even_rows is None else f"{one.break_even_rows} rows"
        table.add_row(
            one.tile,
            str(one.rank),
            f"{one.multiplications:.3f}",
            f"{one.seconds * 1e3:.2f}",
            f"{one.speedup:.2f}×",
            number(one.error),
            f"{one.extra_bytes / 1e6:.1f}",
            pays,
        )
    out = console()
    out.print(f"Dense: {found.dense_seconds * 1e3:.2f} ms for {rows} rows, {in_features} × {out_features}, {precision}")
    out.print(table)
    out.print(f"\n{found.verdict}")
