"""The section on wall-clock: whole networks end to end, and single products on a CPU and a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from stl_nn.evidence.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, TEAL, draw
from stl_nn.evidence.records import Record, origin, reading
from stl_nn.evidence.section import Chart, Section, Source, Table

Row = dict[str, Any]


def timing_section(networks: Sequence[Record], layers: Sequence[Record], gpu: Sequence[Record]) -> Section:
    """Seconds beside multiplications: end to end, and layer by layer."""
    section = Section(
        "timing",
        "Wall-clock",
        [
            "Fewer multiplications are worth what they save in seconds. Medians of runs taken in turn, dense and STL, "
            "in one process; above 1 STL is faster. Layers that read the same input (q, k and v; gate and up) are "
            "joined, and dense is the faster of the network with them joined and as it comes. A convertible layer is "
            "not the whole network: attention, norms, the output head and the encoding itself take their time too."
        ],
    )
    rows: list[Row] = []
    for record in networks:
        with reading(record):
            rows += [_against_dense(row) for row in record.content["results"]]
            section.sources.append(Source("whole networks", **origin(record.content)))
    if rows:
        section.lead.append(_verdict(rows))
        section.charts.append(_chart(rows))
        section.tables.append(_table(rows))
    else:
        section.missing.append(("whole networks end to end", "python benchmarks/wall_clock.py"))
    for records, what, command in (
        (layers, "single products on a CPU", "python benchmarks/layer.py"),
        (gpu, "single products on a GPU", "python benchmarks/gpu_layer.py"),
    ):
        if not records:
            section.missing.append((what, command))
        for record in records:
            with reading(record):
                section.tables.append(_products(record, what))
                section.sources.append(Source(f"{what}, {record.file}", **origin(record.content)))
    return section


def _against_dense(row: Row) -> Row:
    """A row with the seconds of the faster dense network, and how much faster STL is."""
    dense = min(row["dense_seconds"], row.get("joined_seconds", row["dense_seconds"]))
    return {**row, "dense_seconds": dense, "ratio": dense / row["seconds"]}


def _verdict(rows: Sequence[Row]) -> str:
    """Where STL wins and where it loses, end to end."""
    won = [row for row in rows if row["ratio"] > 1]
    slow, fast = (pick(rows, key=lambda row: row["ratio"]) for pick in (min, max))
    name = lambda row: f"{row['model']} {_layers(row)}, {row['rows']} rows: {row['ratio']:.2f}×"  # noqa: E731
    if not won:
        return f"End to end on this CPU STL loses everywhere it was measured; the nearest is {name(fast)}."
    if len(won) == len(rows):
        return f"End to end on this CPU STL is faster everywhere it was measured, from {name(slow)} to {name(fast)}."
    return (
        f"End to end on this CPU STL is faster in {len(won)} of {len(rows)} cases, the most in {name(fast)}, and loses "
        f"in the others, the most in {name(slow)}."
    )


def _layers(row: Row) -> str:
    """The STL layers of a row, in words."""
    depth = row.get("depth", 0)
    return f"r={row['rank']}" + (f", depth {depth}" if depth else "")


def _chart(rows: Sequence[Row]) -> Chart:
    sizes = sorted({_layers(row) for row in rows})
    colours = dict(zip(sizes, cycle((BLUE, GREEN, PURPLE, RED, ORANGE, TEAL))))

    def paint(figure: Any) -> None:
        models = list(dict.fromkeys(row["model"] for row in rows))
        for axes, model in zip(figure.subplots(1, len(models), squeeze=False)[0], models, strict=True):
            for layers in sizes:
                ours = sorted((r for r in rows if (r["model"], _layers(r)) == (model, layers)), key=lambda r: r["rows"])
                axes.plot(
                    [r["rows"] for r in ours],
                    [r["ratio"] for r in ours],
                    "o-",
                    color=colours[layers],
                    label=layers,
                )
            axes.axhline(1, color=GREY, linestyle="--", linewidth=1)
            axes.set_xscale("log", base=2)
            ticks = sorted({row["rows"] for row in rows if row["model"] == model})
            axes.set_xticks(ticks, [str(tick) for tick in ticks])
            axes.minorticks_off()
            axes.set_xlabel("rows (tokens) at once")
            axes.set_title(f"{model}: speed against dense")
            axes.legend()

    words = "Speed of converted networks against dense, end to end, by number of rows"
    return Chart(draw("network-speed", words, paint, (8.2, 3.4)), f"{words}. Below the dashed line STL is slower.")


def _table(rows: Sequence[Row]) -> Table:
    head = ("network", "STL", "mults", "batch × tokens", "dense, ms", "STL, ms", "dense / STL")
    lines = tuple(
        (
            row["model"],
            _layers(row),
            f"{row['multiplications']:.3f}",
            f"{row['batch']} × {row['tokens']}",
            f"{1e3 * row['dense_seconds']:.0f}",
            f"{1e3 * row['seconds']:.0f}",
            f"{row['ratio']:.2f}",
        )
        for row in rows
    )
    won = frozenset(i for i, row in enumerate(rows) if row["ratio"] > 1)
    return Table("Whole networks, end to end; faster than dense stands out", head, lines, best=won)


def _products(record: Record, what: str) -> Table:
    head = ("rows × in × out", "precision", "STL", "channels", "dense, ms", "STL, ms", "dense / STL")
    lines = []
    for row in record.content["results"]:
        size = row["size"] if isinstance(row["size"], list) else [row["size"]] * 3
        precision = str(row.get("precision", record.content.get("precision", "")))
        for channels, dense, seconds in _timings(row):
            times = (f"{1e3 * dense:.3g}", f"{1e3 * seconds:.3g}", f"{dense / seconds:.2f}")
            lines.append((" × ".join(map(str, size)), precision, _layers(row), channels, *times))
    return Table(f"{what[0].upper()}{what[1:]} ({record.file})", head, tuple(lines), words=2)


def _timings(row: Row) -> list[tuple[str, float, float]]:
    """(precision of the channels, dense seconds, STL seconds) of a row as a CPU or a GPU benchmark writes it."""
    if "dense_seconds" in row:
        return [("", float(row["dense_seconds"]), float(row["seconds"]))]
    kinds = (("float32_channels", "float32"), ("reduced_channels", "as operands"))
    found = [(words, row[kind]["seconds"]) for kind, words in kinds if kind in row]
    return [(words, float(taken["dense"]), float(taken["chosen"])) for words, taken in found]
