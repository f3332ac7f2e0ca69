"""The section on what else is recorded: every file with its command, and the targets that were set for searches."""

from __future__ import annotations

from collections.abc import Sequence

from stl_nn.evidence.methods import Row
from stl_nn.evidence.records import Record, origin, reading
from stl_nn.evidence.section import Section, Source, Table


def others_section(records: Sequence[Record]) -> Section:
    """The files that no other section shows."""
    section = Section(
        "others", "Also recorded", ["Measurements of other parts of the project, each in a file of its own."]
    )
    checked: list[tuple[str, Row]] = []
    for record in records:
        with reading(record):
            figures = record.content.get("figures")
            if isinstance(figures, list):
                checked += [(record.file, figure) for figure in figures if _target(figure)]
            section.sources.append(Source(record.file, **origin(record.content)))
    if checked:
        missed = [(file, figure) for file, figure in checked if not met(figure)]
        section.lead.append(targets_words(checked))
        if missed:
            rows = [
                (
                    str(one["name"]),
                    file,
                    _number(float(one["value"])),
                    _target(one),
                    str(one.get("unit", "")),
                    str(one.get("how", "")),
                )
                for file, one in missed
            ]
            head = ("what", "file", "measured", "target", "unit", "how")
            section.tables.append(Table("Targets that were missed", head, tuple(rows), words=2, remarks=2))
    return section


def targets_words(checked: Sequence[tuple[str, Row]]) -> str:
    """How many targets were met."""
    missed = [figure for _, figure in checked if not met(figure)]
    if not missed:
        return f"All {len(checked)} targets set for searches were met."
    return f"{len(missed)} of {len(checked)} targets set for searches {'was' if len(missed) == 1 else 'were'} missed."


def met(figure: Row) -> bool:
    """Whether a figure keeps its bounds.

    >>> met({"value": 3.3e6, "at_least": 1e7, "at_most": None}), met({"value": 14, "at_most": 25})
    (False, True)
    """
    value, least, most = float(figure["value"]), figure.get("at_least"), figure.get("at_most")
    return (least is None or value >= float(least)) and (most is None or value <= float(most))


def _target(figure: Row) -> str:
    """The bounds of a figure in words, none where it has none."""
    found = [(words, figure.get(key)) for words, key in (("at least", "at_least"), ("at most", "at_most"))]
    return ", ".join(f"{words} {_number(float(bound))}" for words, bound in found if bound is not None)


def _number(value: float) -> str:
    """A figure of a search, without powers of ten where it is large.

    >>> _number(3290658), _number(0.147154)
    ('3,290,658', '0.147')
    """
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.3g}"
