"""Markdown of tables with the sources of their figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stl_bench.records import origin
from stl_bench.report.section import Table


def with_sources(tables: Sequence[Table], sources: Iterable[str], captions: bool = False) -> str:
    """Join tables and sentences about their sources.

    Parameters
    ----------
    tables : sequence of Table
        The tables, in order.
    sources : Iterable[str]
        The sentences; each stands once.
    captions : bool
        Whether each table has its caption above it.

    Returns
    -------
    str
        Markdown that ends with a newline.

    Examples
    --------
    >>> print(with_sources([Table("T", ("a", "b"), (("x", "1"),))], ["Measured by hand."]), end="")
    | a | b |
    |---|---:|
    | x | 1 |
    <BLANKLINE>
    Measured by hand.
    """
    parts: list[str] = []
    for table in tables:
        parts += [f"**{table.caption}**", ""] * captions + [table.markdown(), ""]
    return "\n".join([*parts, "\n\n".join(dict.fromkeys(sources))]) + "\n"


def measured_by(content: dict[str, Any]) -> str:
    """Say which command measured a record, when, and on which machine.

    Parameters
    ----------
    content : dict
        A record, or a part of one that was measured by itself.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> measured_by({"command": "layer.py", "date": "2026-01-01T00:00:00", "processor": "P", "cores": 2, "seed": 0})
    'Measured by `python benchmarks/layer.py` on P, 2 cores, 2026-01-01 00:00 (seed 0).'
    """
    found = origin(content)
    seed = "" if found["seed"] == "none" else f"seed {found['seed']}"
    more = "; ".join(filter(None, (seed, found["versions"])))
    return f"Measured by `{found['command']}` on {found['machine']}, {found['date']} ({more})."


def measured_together(parts: Sequence[dict[str, Any]], command: str) -> str:
    """Say where parts come from that were measured by themselves, one after the other.

    Parameters
    ----------
    parts : sequence of dict
        The parts of a record, each with its own machine and date.
    command : str
        The command that measures all of them.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> parts = [{"date": f"2026-01-0{day}T00:00:00", "processor": "P", "cores": 2, "seed": 0} for day in (2, 1)]
    >>> measured_together(parts, "python benchmarks/models.py")
    'Measured by `python benchmarks/models.py` on P, 2 cores, 2026-01-01 00:00 to 2026-01-02 00:00 (seed 0).'
    """
    found = [origin(part) for part in parts]
    machines = " or ".join(dict.fromkeys(one["machine"] for one in found))
    first, last = min(one["date"] for one in found), max(one["date"] for one in found)
    seeds = ", ".join(dict.fromkeys(one["seed"] for one in found))
    versions = " or ".join(dict.fromkeys(one["versions"] for one in found if one["versions"]))
    more = "; ".join(filter(None, (f"seed {seeds}" if "," not in seeds else f"seeds {seeds}", versions)))
    dates = first if first == last else f"{first} to {last}"
    return f"Measured by `{command}` on {machines}, {dates} ({more})."
