"""The section on wall-clock: whole networks end to end, and single products on a CPU and a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from stl_bench.records import Record, origin, reading
from stl_bench.report.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, TEAL, below, draw
from stl_bench.report.methods import Row
from stl_bench.report.section import Chart, Section, Source, Table
from stl_bench.report.speed import MARGIN, batch_words, is_faster, is_slower, timed_rows


def timing_section(networks: Sequence[Record], layers: Sequence[Record], gpu: Sequence[Record]) -> Section:
    """Compare seconds with multiplications: end to end, and layer by layer.

    Parameters
    ----------
    networks : sequence of Record
        The records of networks end to end.
    layers : sequence of Record
        The records of products on a CPU.
    gpu : sequence of Record
        The records of products on a GPU.

    Returns
    -------
    Section
        The section.
    """
    section = Section(
        "timing",
        "Wall-clock",
        [
            "Fewer multiplications are worth what they save in seconds. Dense and STL take turns in one process; above "
            "1 STL is faster. Layers that read the same input (q, k and v; gate and up) are joined, and dense is the "
            "faster of the network with them joined and as it comes. Timed are data-free layers: calibrated ones of "
            "the same rank change the basis of their inputs besides, which costs more, and other methods were not "
            "timed. Attention and norms take their time as well; SmolLM2's output head stays dense and is computed for "
            "the last token of each prompt alone, so that it takes next to none."
        ],
    )
    rows = timed_rows(networks)
    for record in networks:
        with reading(record):
            section.sources.append(Source("whole networks", **origin(record.content)))
    if rows:
        repeats = sorted({str(record.content.get("repeats", "an unrecorded number of")) for record in networks})
        section.lead.append(timing_verdict(rows))
        section.charts.append(_chart(rows))
        section.tables.append(timing_table(rows, " or ".join(repeats)))
    else:
        section.missing.append(("whole networks end to end", "python benchmarks/wall_clock.py"))
    if not gpu:
        section.lead.append("No timing on a GPU is recorded; there matrix products are faster, compared with encoding.")
    for records, what, command in (
        (layers, "single products on a CPU", "python benchmarks/layer.py"),
        (gpu, "single products on a GPU", "python benchmarks/gpu_layer.py"),
    ):
        if not records:
            section.missing.append((what, command))
        for record in records:
            with reading(record):
                section.tables.append(products_table(record, what))
                section.sources.append(Source(f"{what}, {record.file}", **origin(record.content)))
    return section


def timing_verdict(rows: Sequence[Row]) -> str:
    """Say where STL wins, where it is even and where it loses, end to end.

    Parameters
    ----------
    rows : sequence of Row
        The rows, from `timed_rows`.

    Returns
    -------
    str
        Sentences.
    """
    won = [row for row in rows if is_faster(row["ratio"])]
    lost = [row for row in rows if is_slower(row["ratio"])]
    slow, fast = (pick(rows, key=lambda row: row["ratio"]) for pick in (min, max))
    name = lambda row: f"{row['model']} {_layers(row)}, {batch_words(row)} tokens: {row['ratio']:.2f}×"  # noqa: E731
    counts = f"faster than dense in {len(won)} of {len(rows)} cases, slower in {len(lost)}, even in the others"
    words = f"End to end on this CPU, less than {MARGIN:.0%} counting as even, STL is {counts}."
    if won:
        sizes = ", ".join(sorted({_layers(row) for row in won}))
        return f"{words} All wins are of {sizes}, the largest {name(fast)}; the worst loss is {name(slow)}."
    return f"{words} The nearest to a win is {name(fast)}."


def _layers(row: Row) -> str:
    """Write the STL layers of a row."""
    depth = row.get("depth", 0)
    return f"r={row['rank']}" + (f", depth {depth}" if depth else "")


def _chart(rows: Sequence[Row]) -> Chart:
    sizes = sorted({_layers(row) for row in rows})
    colours = dict(zip(sizes, cycle((BLUE, GREEN, PURPLE, RED, ORANGE, TEAL))))

    def paint(figure: Any) -> None:
        models = list(dict.fromkeys(row["model"] for row in rows))
        drawn = figure.subplots(1, len(models), squeeze=False, sharey=True)[0]
        for axes, model in zip(drawn, models, strict=True):
            ours = sorted((row for row in rows if row["model"] == model), key=lambda row: (row["rows"], row["batch"]))
            places = list(dict.fromkeys(batch_words(row) for row in ours))
            for layers in sizes:
                line = [row for row in ours if _layers(row) == layers]
                at = [places.index(batch_words(row)) for row in line]
                axes.plot(at, [row["ratio"] for row in line], "o-", color=colours[layers], label=layers)
            axes.axhline(1, color=GREY, linestyle="--", linewidth=1)
            axes.set_xticks(range(len(places)), places)
            axes.set_xlabel("batch × tokens")
            axes.set_title(f"{model}: speed against dense")
            axes.tick_params(axis="x", labelsize=8.5)
        drawn[0].set_ylim(bottom=0)
        below(figure, drawn[0], len(sizes))

    words = "Speed of converted networks against dense, end to end, by batch"
    finding = timing_verdict(rows)
    return Chart(
        draw("network-speed", f"{words}. {finding}", paint, (8.2, 3.8)),
        f"{words}. Below the dashed line STL is slower.",
    )


def timing_table(rows: Sequence[Row], repeats: str) -> Table:
    """Tabulate whole networks end to end.

    Parameters
    ----------
    rows : sequence of Row
        Rows of the wall-clock benchmark, from `timed_rows`.
    repeats : str
        The number of runs that each figure is the median of.

    Returns
    -------
    Table
        A row a network, size of its STL layers, and batch.
    """
    head = ("network", "STL", "mults", "batch × tokens", "dense, ms", "STL, ms", "dense / STL", "verdict")
    lines = []
    for row in rows:
        judged = "faster" if is_faster(row["ratio"]) else "slower" if is_slower(row["ratio"]) else "even"
        taken = (_ms(row["dense_seconds"]), _ms(row["seconds"]), f"{row['ratio']:.2f}")
        share = f"{row['multiplications']:.3f}"
        lines.append((str(row["model"]), _layers(row), share, batch_words(row), *taken, judged))
    won = frozenset(i for i, row in enumerate(rows) if is_faster(row["ratio"]))
    caption = (
        f"Whole networks, end to end: medians of {repeats} runs, whose spread is not recorded. Mults without encoding"
    )
    return Table(caption, head, tuple(lines), words=2, best=won, remarks=1)


def _ms(seconds: float) -> str:
    """Milliseconds, of three digits or all before the point.

    >>> _ms(1.2345), _ms(0.0246)
    ('1,234', '24.6')
    """
    taken = 1e3 * seconds
    return f"{taken:,.0f}" if taken >= 100 else f"{taken:.3g}"


def products_table(record: Record, what: str) -> Table:
    """Tabulate single products.

    Parameters
    ----------
    record : Record
        One of the benchmarks `layer` and `gpu_layer`.
    what : str
        What was timed, in words.

    Returns
    -------
    Table
        A row a size, rank and depth.
    """
    head = ("rows × in × out", "precision", "STL", "channels", "dense, ms", "STL, ms", "dense / STL")
    lines = []
    for row in record.content["results"]:
        size = row["size"] if isinstance(row["size"], list) else [row["size"]] * 3
        precision = str(row.get("precision", record.content.get("precision", "")))
        for channels, dense, seconds in _timings(row):
            times = (_ms(dense), _ms(seconds), f"{dense / seconds:.2f}")
            lines.append((" × ".join(map(str, size)), precision, _layers(row), channels, *times))
    return Table(f"{what[0].upper()}{what[1:]} ({record.file})", head, tuple(lines), words=4)


def _timings(row: Row) -> list[tuple[str, float, float]]:
    """(precision of the channels, dense seconds, STL seconds) of a row as a CPU or a GPU benchmark writes it."""
    if "dense_seconds" in row:
        return [("", float(row["dense_seconds"]), float(row["seconds"]))]
    kinds = (("float32_channels", "float32"), ("reduced_channels", "as operands"))
    found = [(words, row[kind]["seconds"]) for kind, words in kinds if kind in row]
    return [(words, float(taken["dense"]), float(taken["chosen"])) for words, taken in found]
