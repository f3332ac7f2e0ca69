"""The section on one real layer: what each step of calibration gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stl_nn.evidence.drawing import BLUE, GREY, draw, log_scale
from stl_nn.evidence.records import Record, origin, reading
from stl_nn.evidence.section import Chart, Section, Source, Table

COMMAND = "python benchmarks/calibration.py --model minilm --record"


def layer_section(records: Sequence[Record]) -> Section:
    """Held-out error of one layer, by method: of the latest record."""
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
        rows = sorted(record.content["results"], key=lambda row: -float(row["error"]))
        section.charts.append(_chart(rows))
        head = ("method", "mults", "held-out error")
        lines = [(row["method"], f"{row['multiplications']:.3f}", f"{row['error']:.4f}") for row in rows]
        best = frozenset(i for i, row in enumerate(rows) if row["method"].startswith("stl"))
        section.tables.append(Table(f"Layer {record.content['layer']}", head, tuple(lines), best=best))
        section.sources.append(Source("one layer", **origin(record.content)))
    return section


def _chart(rows: Sequence[dict[str, Any]]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        names = [f"{row['method']} ({row['multiplications']:.3g})" for row in rows]
        colours = [BLUE if row["method"].startswith("stl") else GREY for row in rows]
        axes.barh(names, [float(row["error"]) for row in rows], color=colours, height=0.7)
        log_scale(axes, "x")
        axes.set_title("relative output error, held out (share of the multiplications in brackets)")
        axes.tick_params(axis="y", length=0)

    words = "Held-out relative output error of one layer, by method"
    return Chart(draw("one-layer", words, paint, (8.2, 0.9 + 0.24 * len(rows))), "STL in blue. Lower is better.")
