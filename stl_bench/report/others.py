"""The section on what else is recorded: every file with its command, and the targets that were set for searches."""

from __future__ import annotations

from collections.abc import Sequence

from stl_bench.records import Record, origin, reading
from stl_bench.report.methods import Row
from stl_bench.report.section import Section, Source, Table


def others_section(records: Sequence[Record]) -> Section:
    """List the files that no other section shows, and the targets of searches that were missed.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.

    Returns
    -------
    Section
        The section.
    """
    section = Section(
        "others", "Also recorded", ["Measurements of other parts of the project, each in a file of its own."]
    )
    checked: list[tuple[str, Row]] = []
    for record in records:
        with reading(record):
            figures = record.content.get("figures")
            if isinstance(figures, list):
                checked += [(record.file, figure) for figure in figures if target(figure)]
            section.sources.append(Source(record.file, **origin(record.content)))
    if checked:
        missed = [(file, figure) for file, figure in checked if not met(figure)]
        section.lead.append(targets_words(checked))
        if missed:
            rows = [
                (
                    str(one["name"]),
                    file,
                    number(float(one["value"])),
                    target(one),
                    str(one.get("unit", "")),
                    str(one.get("how", "")),
                )
                for file, one in missed
            ]
            head = ("what", "file", "measured", "target", "unit", "how")
            section.tables.append(Table("Targets that were missed", head, tuple(rows), words=2, remarks=2))
    return section


def targets_words(checked: Sequence[tuple[str, Row]]) -> str:
    """Say how many targets were met.

    Parameters
    ----------
    checked : sequence of tuple[str, Row]
        (file, figure) of each target.

    Returns
    -------
    str
        A sentence.
    """
    missed = [figure for _, figure in checked if not met(figure)]
    if not missed:
        return f"All {len(checked)} targets set for searches were met."
    return f"{len(missed)} of {len(checked)} targets set for searches {'was' if len(missed) == 1 else 'were'} missed."


def met(figure: Row) -> bool:
    """Return whether a figure keeps its bounds.

    Parameters
    ----------
    figure : Row
        The figure, as `stl-bench search` writes it.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
    >>> met({"value": 3.3e6, "at_least": 1e7, "at_most": None}), met({"value": 14, "at_most": 25})
    (False, True)
    """
    value, least, most = float(figure["value"]), figure.get("at_least"), figure.get("at_most")
    return (least is None or value >= float(least)) and (most is None or value <= float(most))


def target(figure: Row) -> str:
    """Write the bounds of a figure in words.

    Parameters
    ----------
    figure : Row
        The figure, as `stl-bench search` writes it.

    Returns
    -------
    str
        The words; empty if it has no bound.
    """
    found = [(words, figure.get(key)) for words, key in (("at least", "at_least"), ("at most", "at_most"))]
    return ", ".join(f"{words} {number(float(bound))}" for words, bound in found if bound is not None)


def number(value: float) -> str:
    """Write a figure of a search, without powers of ten if it is large.

    Parameters
    ----------
    value : float
        The figure.

    Returns
    -------
    str
        The figure in digits.

    Examples
    --------
    >>> number(3290658), number(0.147154)
    ('3,290,658', '0.147')
    """
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"
