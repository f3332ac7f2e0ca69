"""The section on one real layer: what each step of calibration gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stl_bench.records import Record, origin, reading
from stl_bench.report.cost import TIE
from stl_bench.report.drawing import BLUE, GREY, draw, log_scale
from stl_bench.report.methods import Row, style
from stl_bench.report.section import Chart, Section, Source, Table

COMMAND = "python benchmarks/calibration.py --model minilm --record"
#: Errors nearer than this, relatively, are equal.
EQUAL = 0.01


def layer_section(records: Sequence[Record], shapes: Mapping[str, tuple[int, int]]) -> Section:
    """Show the held-out error of one layer by method, from the latest record.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.
    shapes : Mapping[str, tuple[int, int]]
        The sides (K, N) of layers by name.

    Returns
    -------
    Section
        The section.
    """
    section = Section(
        "layer",
        "One layer, step by step",
        [
            "A single feed-forward layer of MiniLM-L6: relative output error on held-out tokens, by method and by how "
            "much calibration STL is given."
        ],
    )
    if not records:
        section.missing.append(("calibration of one layer", COMMAND))
        return section
    record = max(records, key=lambda one: str(one.content.get("date", "")))
    with reading(record):
        name = str(record.content["layer"])
        rows = [_costed(row, shapes.get(name)) for row in record.content["results"]]
        rows.sort(key=lambda row: -float(row["error"]))
        section.lead += layer_findings(rows)
        section.charts.append(_chart(rows))
        head = ("method", "mults", "with encoding", "held-out error")
        lines = [(_name(row), f"{row['multiplications']:.3f}", _cost(row), f"{row['error']:.3g}") for row in rows]
        text = record.content.get("text") or {}
        seed = record.content.get("seed", "not recorded")
        caption = f"Layer {name}, {text.get('source', 'unnamed text')}, one seed ({seed})"
        section.tables.append(Table(caption, head, tuple(lines)))
        section.sources.append(Source("one layer", **origin(record.content)))
    return section


def layer_findings(rows: Sequence[Row]) -> list[str]:
    """Say who is ahead at about half of the multiplications, and what the last level of calibration gains.

    Parameters
    ----------
    rows : sequence of Row
        The rows of the record, with their cost.

    Returns
    -------
    list[str]
        Sentences.
    """
    half = [row for row in rows if row["multiplications"] < 0.56]
    error = lambda row: float(row["error"])  # noqa: E731
    stl, others = [row for row in half if _is_stl(row)], [row for row in half if not _is_stl(row)]
    sentences = []
    if stl and others:
        ours, theirs = min(stl, key=error), min(others, key=error)
        sentences.append(
            f"At about half of the multiplications “{_name(theirs)}” leaves {error(theirs):.3g} at {_cost(theirs)}, "
            f"the best STL, “{_name(ours)}”, {error(ours):.3g} at {_cost(ours)}: {_who(ours, theirs)}."
        )
    for row in rows:
        if row["method"].endswith(" joint"):
            before = [one for one in rows if one["method"] == row["method"].removesuffix("joint") + "refit"]
            if before:
                gain = 1 - error(row) / error(before[0])
                compared = "gains nothing on" if abs(gain) < EQUAL else f"leaves {gain:.0%} less than"
                sentences.append(f"“{_name(row)}” {compared} “{_name(before[0])}”.")
    return [" ".join(sentences)] if sentences else []


def _who(ours: Row, theirs: Row) -> str:
    """Which of two is ahead, and at what cost."""
    ahead = float(ours["error"]) < float(theirs["error"])
    if abs(ours["cost"] - theirs["cost"]) <= TIE:
        return "STL is ahead at equal cost" if ahead else "STL is behind at equal cost"
    more = ours["cost"] > theirs["cost"]
    if ahead:
        return "STL is ahead, but costs more" if more else "STL is ahead and costs less"
    return "STL is behind and costs more" if more else "STL is behind, and costs less"


def _costed(row: dict[str, Any], shape: tuple[int, int] | None) -> Row:
    """Add to a row what it costs with encoding, r·(K + N) more beside K·N, if rank and shape are known."""
    cost = float(row["multiplications"])
    known = not _is_stl(row) or (shape is not None and row.get("rank") is not None)
    if known and _is_stl(row) and shape is not None:
        cost += float(row["rank"]) * (1 / shape[0] + 1 / shape[1])
    return {**row, "cost": cost, "known": known}


def _cost(row: Row) -> str:
    return f"{row['cost']:.3f}" if row["known"] else f"{row['cost']:.3f} and encoding"


def _is_stl(row: Row) -> bool:
    return str(row["method"]).startswith("stl")


def _name(row: Row) -> str:
    method = str(row["method"])
    return f"STL{method.removeprefix('stl')}" if _is_stl(row) else style(method)[0]


def _chart(rows: Sequence[Row]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        places = range(len(rows))
        for place, row in zip(places, rows, strict=True):
            stl = _is_stl(row)
            axes.scatter([float(row["error"])], [place], color=BLUE if stl else GREY, marker="o" if stl else "s", s=34)
        axes.set_yticks(places, [f"{_name(row)} ({row['cost']:.2f})" for row in rows])
        log_scale(axes, "x")
        axes.set_title("relative output error, held out (cost with encoding in brackets)")
        axes.tick_params(axis="y", length=0)

    words = "Held-out relative output error of one layer, by method"
    finding = " ".join(layer_findings(rows))
    drawing = draw("one-layer", f"{words}. {finding}", paint, (8.2, 0.9 + 0.24 * len(rows)))
    return Chart(drawing, "STL are blue circles. Further left is better.")
