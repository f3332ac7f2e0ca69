"""Tables of whole networks: methods that compress by cost, exact schemes, and what was trained further."""

from __future__ import annotations

from collections.abc import Sequence

from stl_bench.report.cost import with_encoding
from stl_bench.report.matched import standing, verdict
from stl_bench.report.methods import Row, is_joined, label
from stl_bench.report.section import Table
from stl_bench.report.speed import BRACKETS, Speeds, measured_speed
from stl_bench.report.subjects import (
    Subject,
    compressing,
    distance,
    exact_in,
    others_in,
    plain,
    seeds_of,
    short_name,
    tokens_of,
    trained_further,
)


def network_tables(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> list[Table]:
    """Tabulate a network: methods by cost, exact schemes, and what was trained further.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    list[Table]
        The tables; one without cells is left out.
    """
    tables = []
    others = others_in(cells)
    compared = [*others, *compressing(cells)]
    dense = [cell for cell in cells if cell["method"] == "dense"]
    if compared:
        tables.append(_by_cost(subject, [*dense, *compared], others, speeds))
    if exact := exact_in(cells):
        tables.append(_exact(subject, exact, speeds))
    if further := trained_further(cells):
        tables.append(_further(subject, further))
    return tables


def _by_cost(subject: Subject, cells: Sequence[Row], others: Sequence[Row], speeds: Speeds) -> Table:
    band = lambda cell: round(with_encoding(cell) + 1e-9, 1)  # noqa: E731
    ordered = sorted(cells, key=lambda cell: (cell["method"] != "dense", band(cell), distance(subject, cell)))
    rows, groups, best = [], [], set()
    for number, cell in enumerate(ordered):
        if cell["method"] != "dense" and (not number or band(ordered[number - 1]) != band(cell)):
            groups.append((number, f"about {band(cell):.1f} of the dense multiplications, encoding counted"))
        stands = ""
        if cell["method"] == "stl":
            found = standing(subject, cell, others)
            stands = verdict(subject, found)
            best |= {number} if found.wins else set()
        rows.append((*_common(subject, cell), _joined(cell), measured_speed(cell, speeds) if stands else "", stands))
    caption = (
        f"{subject.title}: measured on {tokens_of(cells, 'text')}, held out; calibrated on "
        f"{tokens_of(cells, 'calibration_text')}; {seeds_of(cells)}, no repeats, so the spread is unknown and small "
        "differences mean nothing. In bold: ahead of another method at no more cost, encoding counted, and behind "
        f"none. {BRACKETS}. Other methods were not timed."
    )
    head = (*_head(subject), "joined", "speed", "against other methods, encoding counted")
    return Table(caption, head, tuple(rows), best=frozenset(best), groups=tuple(groups), remarks=1)


def _exact(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> Table:
    ordered = sorted(cells, key=with_encoding)
    rows = tuple((*_common(subject, cell), _joined(cell), measured_speed(cell, speeds)) for cell in ordered)
    caption = (
        f"{subject.title}: exact schemes. They compute the dense layers up to rounding, so their accuracy says nothing "
        "of approximation; what they save in multiplications they pay in additions. They need no held-out text to be "
        "right, and no compressing method is compared with them."
    )
    return Table(caption, (*_head(subject), "joined", "speed"), rows)


def _further(subject: Subject, cells: Sequence[Row]) -> Table:
    ordered = sorted(cells, key=lambda cell: distance(subject, cell))
    rows = tuple((*_common(subject, cell), _joined(cell)) for cell in ordered)
    caption = f"{short_name(subject)}, trained further by distillation from its dense self, {seeds_of(cells)}"
    return Table(caption, (*_head(subject), "joined"), rows)


def _head(subject: Subject) -> tuple[str, ...]:
    return "method", "mults", "with encoding", *(heading for _, heading, _ in subject.figures)


def _common(subject: Subject, cell: Row) -> tuple[str, ...]:
    figures = [plain(float(cell[key]), form) if key in cell else "" for key, _, form in subject.figures]
    return label(cell), f"{cell['multiplications']:.3f}", f"{with_encoding(cell):.3f}", *figures


def _joined(cell: Row) -> str:
    return "" if cell["method"] != "stl" else "yes" if is_joined(cell) else "no"
