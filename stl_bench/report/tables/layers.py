"""Tables of single layers: what calibration gains, and how fast products are."""

from __future__ import annotations

from typing import Any

from stl_bench.records import Record, reading
from stl_bench.report.cost import span
from stl_bench.report.methods import style
from stl_bench.report.section import Table
from stl_bench.report.subjects import plain
from stl_bench.report.tables.markdown import measured_by, with_sources
from stl_bench.report.timing import products_table

#: The levels of calibration, in rising cost.
LEVELS = ("data-free", "permutation", "moments", "refit", "joint")


def calibration(records: list[Record]) -> str:
    """Tabulate the held-out error of one layer by rank and level of calibration, and that of the other methods.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `calibration`; the latest is shown.

    Returns
    -------
    str
        Markdown: two tables.
    """
    record = max(records, key=lambda one: str(one.content.get("date", "")))
    with reading(record):
        content = record.content
        rows = {str(row["method"]): row for row in content["results"]}
        ranks = sorted({int(row["rank"]) for row in rows.values() if row.get("rank") is not None})
        lines = [_levels(rank, [rows.get(f"stl r={rank} {key}") for key in LEVELS]) for rank in ranks]
        name, text = str(content["layer"]), str((content.get("text") or {}).get("source", "unnamed text"))
        head = ("", "mults", *LEVELS)
        stl = Table(f"Relative output error of {name}, held-out {text}", head, tuple(lines))
        others = [row for method, row in rows.items() if not method.startswith("stl ")]
        others.sort(key=lambda row: float(row["error"]))
        cells = [(style(str(row["method"]))[0], f"{row['multiplications']:.3g}", _error(row)) for row in others]
        beside = Table("Other methods on the same layer", ("method", "mults", "held-out error"), tuple(cells))
        return with_sources([stl, beside], [measured_by(content)], captions=True)


def layer_speed(records: list[Record]) -> str:
    """Tabulate the seconds of single products by STL against dense ones.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `layer`, one of each precision.

    Returns
    -------
    str
        Markdown: a table of each record.
    """
    tables, sources = [], []
    for record in sorted(records, key=lambda one: one.file, reverse=True):
        with reading(record):
            tables.append(products_table(record, "products on a CPU"))
            sources.append(measured_by(record.content))
    return with_sources(tables, sources, captions=True)


def rivals(records: list[Record]) -> str:
    """Tabulate the time and the error of a layer by STL beside what a user would take instead.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `rivals`.

    Returns
    -------
    str
        Markdown: a table of each record. Speeds are relative to dense fp32 of torch.
    """
    made, sources = [], []
    for record in records:
        with reading(record):
            rows = {str(row["name"]): row for row in record.content["results"]}
            dense = float(rows["dense fp32, torch"]["seconds"])
            cells = tuple((name, *_rival(row, dense)) for name, row in rows.items())
            size = record.content["size"]
            head = (f"{size} × {size} × {size}", "ms", "speed", "quartiles", "relative squared error")
            made.append(Table(f"a layer of {size} rows, {size} inputs and {size} outputs", head, cells))
            sources.append(measured_by(record.content))
    return with_sources(made, sources)


def _rival(row: dict[str, Any], dense: float) -> tuple[str, ...]:
    """Make the cells of one way: its milliseconds, its speed, the quartiles of that, and its error."""
    low, high = (float(value) for value in row["quartiles"])
    error = float(row["error"])
    return (
        f"{1e3 * float(row['seconds']):.0f}",
        f"{dense / float(row['seconds']):.2f} ×",
        f"{dense / high:.2f}–{dense / low:.2f}",
        plain(error, ".2g") if error > 1e-9 else "exact, to rounding",
    )


def _levels(rank: int, rows: list[dict[str, Any] | None]) -> tuple[str, ...]:
    """Make a row: what the levels take of the multiplications, bases included, and the error of each."""
    taken = span([float(row["multiplications"]) for row in rows if row is not None], ".3f")
    return f"STL r={rank}", taken, *map(_error, rows)


def _error(row: dict[str, Any] | None) -> str:
    return "–" if row is None else plain(float(row["error"]), ".2g")
