"""Tables of whole networks: accuracy at what a method costs, and seconds end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stl_bench.records import Record, origin, reading
from stl_bench.report.cost import with_encoding
from stl_bench.report.methods import Row, label, level
from stl_bench.report.planned import identity
from stl_bench.report.section import Table
from stl_bench.report.speed import timed_rows
from stl_bench.report.subjects import SUBJECTS, Subject, cells_of, plain, quoted, short_name
from stl_bench.report.tables.markdown import measured_by, measured_together, with_sources
from stl_bench.report.timing import timing_table

COMMAND = "python benchmarks/models.py"


def networks(records: list[Record]) -> str:
    """Tabulate every method on every network: multiplications with encoding, and the figure each is judged by.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `models`.

    Returns
    -------
    str
        Markdown: a row a method, what was trained further left out. Exact schemes and dense come first, then rises
        the cost.
    """
    return _compared(records, lambda cell: not cell.get("finetune"))


def finetuned(records: list[Record]) -> str:
    """Tabulate the methods that were trained further by distillation, beside themselves before.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `models`.

    Returns
    -------
    str
        Markdown: as `networks`.
    """
    cells = [cell for ours in _cells(records).values() for cell in ours]
    further = {identity({**cell, "finetune": 0}) for cell in cells if cell.get("finetune")}
    return _compared(records, lambda cell: identity({**cell, "finetune": 0}) in further)


def commands(records: list[Record]) -> str:
    """Tabulate the command, date and machine of every figure of the networks.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `models`.

    Returns
    -------
    str
        Markdown: a row a method and network.
    """
    rows = []
    for subject in SUBJECTS:
        for cell in cells_of(records, subject):
            found = origin(cell)
            rows.append((short_name(subject), label(cell), f"`{found['command']}`", found["date"], found["machine"]))
    head = ("network", "method", "command", "date", "machine")
    return with_sources([Table("Commands", head, tuple(rows), words=len(head))], [])


def wall_clock(records: list[Record]) -> str:
    """Tabulate the seconds of whole networks, converted and dense, by batch.

    Parameters
    ----------
    records : list[Record]
        Those of the benchmark `wall_clock`.

    Returns
    -------
    str
        Markdown: a row a network, size of its STL layers, and batch.
    """
    repeats = " or ".join(sorted({str(record.content.get("repeats", "?")) for record in records}))
    return with_sources([timing_table(timed_rows(records), repeats)], [measured_by(one.content) for one in records])


def _cells(records: Sequence[Record]) -> dict[Subject, list[Row]]:
    return {subject: cells_of(records, subject) for subject in SUBJECTS}


def _compared(records: Sequence[Record], wanted: Any) -> str:
    cells = {subject: [cell for cell in ours if wanted(cell)] for subject, ours in _cells(records).items()}
    with reading(records[0]):
        by: dict[tuple[Any, ...], dict[Subject, Row]] = {}
        for subject, ours in cells.items():
            for cell in ours:
                by.setdefault(identity(cell), {})[subject] = cell
        found = sorted(by.values(), key=_place)
        rows = tuple(_row(one) for one in found)
    head = ["method", "calibrated", *(f"mults, {short_name(subject)}" for subject in SUBJECTS)]
    head += [f"{short_name(subject)}, {subject.quoted[1]}" for subject in SUBJECTS]
    table = Table("Networks; multiplications with encoding, against dense", tuple(head), rows, words=2)
    parts = [cell for ours in cells.values() for cell in ours]
    return with_sources([table], [measured_together(parts, COMMAND)] if parts else [])


def _place(found: dict[Subject, Row]) -> tuple[bool, float, str]:
    cell = next(iter(found.values()))
    return cell["method"] != "dense", with_encoding(cell), label(cell)


def _row(found: dict[Subject, Row]) -> tuple[str, ...]:
    cell = next(iter(found.values()))
    calibrated = "" if cell["method"] == "dense" else _calibrated(cell)
    costs = [plain(with_encoding(found[one]), ".3f") if one in found else "–" for one in SUBJECTS]
    figures = [quoted(one, found[one]) if one in found else "–" for one in SUBJECTS]
    share = f" at {cell['budget']:g}" if cell.get("budget") else ""
    return f"{label(cell)}{share}", calibrated, *costs, *figures


def _calibrated(cell: Row) -> str:
    from stl_bench.baselines import BASELINES

    if cell["method"] == "stl":
        return "no" if cell["calibration"] == "none" else level(cell)
    return "yes" if BASELINES[cell["method"]].needs_moments else "no"
