"""What stands first: what holds, what does not, and one table of networks at matched cost."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.entry import Entry
from stl_bench.records import Record, reading
from stl_bench.report.cost import span, with_encoding
from stl_bench.report.encoders import PRECISION, error_model_finding, tile_words
from stl_bench.report.matched import (
    Standing,
    matched_findings,
    standing,
    standings,
    uniform_and_chosen,
    verdict,
)
from stl_bench.report.methods import Row, label
from stl_bench.report.planned import SHARES
from stl_bench.report.section import Section, Table
from stl_bench.report.speed import BRACKETS, Speeds, is_faster, measured_speed, timed_rows
from stl_bench.report.subjects import (
    SUBJECTS,
    Subject,
    cells_of,
    compressing,
    distance,
    exact_in,
    others_in,
    quoted,
    seeds_of,
    short_name,
    tokens_of,
)
from stl_bench.report.tradeoff import has_both, with_speeds

Networks = Sequence[tuple[Subject, Sequence[Row]]]


def opening_section(
    models: Sequence[Record],
    speeds: Speeds,
    timing: Sequence[Record],
    gpu: Sequence[Record],
    error_model: Sequence[Record],
    front: Sequence[Entry],
) -> Section:
    """Say in one box what holds and what does not. Every sentence is computed from the records.

    Parameters
    ----------
    models : sequence of Record
        The records of networks.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.
    timing : sequence of Record
        The records of networks end to end.
    gpu : sequence of Record
        The records of products on a GPU.
    error_model : sequence of Record
        The records of the error model.
    front : sequence of Entry
        The frontier, from `shipped_frontier`.

    Returns
    -------
    Section
        The section; a sentence without records is left out.
    """
    section = Section("summary", "In short", opening=True)
    networks = [(subject, cells_of(models, subject)) for subject in SUBJECTS]
    networks = [(subject, cells) for subject, cells in networks if others_in(cells) and compressing(cells)]
    holds, fails = _encoders(front, error_model), list[str]()
    if networks:
        with reading(models[0]):
            for subject, cells in networks:
                good, bad = _network(subject, cells, speeds)
                holds += good
                fails += bad
            section.tables.append(_matched_table(networks, speeds))
    good, bad = _time(timing, gpu)
    section.lists = [("What holds", holds + good), ("What does not, or is not shown", fails + bad)]
    section.lists = [(heading, points) for heading, points in section.lists if points]
    if not section.lists:
        section.lead.append("Nothing is recorded yet that a summary could be made of.")
    return section


def _encoders(front: Sequence[Entry], error_model: Sequence[Record]) -> list[str]:
    """Say what is known of encoders themselves."""
    found = []
    exact = next((entry for entry in front if entry.exact), None)
    if exact is not None:
        middle = next((entry for entry in front if entry.rank == 40), None)
        words = f"Encoders: {tile_words(exact.format)} is exact from r={exact.rank} on, proved over {exact.ring}"
        if middle is not None:
            words += f"; at r=40 the best shipped one has error {middle.error_at(PRECISION):.2g} at {PRECISION}, where "
            words += f"dropping products costs {1 - middle.ratio:.3g}"
        found.append(f"{words}.")
    for record in error_model:
        with reading(record):
            found.append(_of("The error model", error_model_finding(record.content["rows"])))
    return found


def _network(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> tuple[list[str], list[str]]:
    """Say what holds of a network, and what does not."""
    name, holds, fails = short_name(subject), list[str](), list[str]()
    if exact := exact_in(cells):
        least = min(exact, key=with_encoding)
        holds.append(
            f"{name}: exact schemes give the dense network ({quoted(subject, least, heading=True)}) at "
            f"{span([float(cell['multiplications']) for cell in exact])} of the multiplications, "
            f"{span([with_encoding(cell) for cell in exact])} with encoding, and are {_timed(exact, speeds)}."
        )
    found = standings(subject, cells)
    for sentence in matched_findings(subject, cells):
        won = sentence.startswith("At matched cost") and any(one.wins for one in found)
        (holds if won else fails).append(_of(name, sentence))
    fails += [_of(name, sentence) for sentence in uniform_and_chosen(subject, cells)]
    rests = f"{tokens_of(cells, 'text')}, {tokens_of(cells, 'calibration_text')} to calibrate on, and {seeds_of(cells)}"
    both = has_both(subject, cells, speeds)
    if both:
        holds.append(f"{name}: accurate and fast in one row: {with_speeds(subject, both, speeds)}.")
        fails.append(f"{name}: figures rest on {rests}.")
    else:
        fails.append(
            f"{name}: no row recorded is shown to be both as accurate as the best other method and fast. Figures rest "
            f"on {rests}."
        )
    return holds, fails


def _of(name: str, sentence: str) -> str:
    """Begin a sentence with the name of what it is about."""
    return f"{name}: {sentence[0].lower()}{sentence[1:]}"


def _timed(cells: Sequence[Row], speeds: Speeds) -> str:
    speeds_found = sorted({measured_speed(cell, speeds) for cell in cells})
    return ", ".join("not timed" if one == "not timed" else f"at {one} the speed of dense" for one in speeds_found)


def _time(timing: Sequence[Record], gpu: Sequence[Record]) -> tuple[list[str], list[str]]:
    """Say what is known of time."""
    rows, holds = timed_rows(timing), list[str]()
    fails = ["Not timed: other methods, and calibrated STL layers. Not measured at all: int8 and fp8 quantisation."]
    if rows:
        won = [row for row in rows if is_faster(row["ratio"])]
        if won:
            top = max(won, key=lambda row: row["ratio"])
            sizes = ", ".join(sorted({f"r={row['rank']}" for row in won}))
            holds.append(
                f"Time on a CPU: {sizes} beats dense end to end, up to {top['ratio']:.2f}× ({top['model']}), in "
                f"{len(won)} of {len(rows)} cases timed."
            )
        fails.append(f"Time on a CPU: in {len(rows) - len(won)} of {len(rows)} cases STL is even with dense or slower.")
    else:
        fails.append("Converted networks were not timed.")
    if not gpu:
        fails.append("No timing on a GPU is recorded.")
    return holds, fails


def _matched_table(networks: Networks, speeds: Speeds) -> Table:
    rows: list[tuple[str, ...]] = []
    groups, best = list[tuple[int, str]](), set[int]()
    for subject, cells in networks:
        groups.append((len(rows), f"{short_name(subject)}: {subject.quoted[1]}{_dense(subject, cells)}"))
        others = others_in(cells)
        shown: list[Row | Standing] = [*_references(subject, cells)]
        shown += [standing(subject, cell, others) for cell in _kinds(subject, cells)]
        for one in sorted(shown, key=_cost):
            cell = one.cell if isinstance(one, Standing) else one
            stands = verdict(subject, one) if isinstance(one, Standing) else ""
            best |= {len(rows)} if isinstance(one, Standing) and one.wins else set()
            figures = (quoted(subject, cell), f"{cell['multiplications']:.3f}", f"{with_encoding(cell):.3f}")
            rows.append((label(cell), *figures, measured_speed(cell, speeds), stands))
    head = ("method", "quality", "mults", "with encoding", "speed", "at matched cost")
    caption = (
        "Networks in order of cost, encoding counted: the best STL row of each kind (one rank or chosen ranks, with or "
        "without Strassen's levels, below and above 0.56 of the multiplications) among the best of the other methods "
        f"at each share. In bold: ahead at no more cost, and behind none. {BRACKETS}"
    )
    return Table(caption, head, tuple(rows), best=frozenset(best), groups=tuple(groups), remarks=1)


def _dense(subject: Subject, cells: Sequence[Row]) -> str:
    dense = [cell for cell in cells if cell["method"] == "dense"]
    return f", dense {quoted(subject, dense[0])}" if dense else ""


def _cost(one: Row | Standing) -> float:
    return one.cost if isinstance(one, Standing) else with_encoding(one)


def _kinds(subject: Subject, cells: Sequence[Row]) -> list[Row]:
    """Select the best approximate STL row of each kind."""
    kinds: dict[tuple[bool, bool, bool], Row] = {}
    for cell in sorted(compressing(cells), key=lambda cell: distance(subject, cell)):
        kinds.setdefault((bool(cell.get("budget")), bool(cell.get("depth")), cell["multiplications"] < 0.56), cell)
    return list(kinds.values())


def _references(subject: Subject, cells: Sequence[Row]) -> list[Row]:
    """Select the best other method at each share of the multiplications that they were given."""
    found = []
    for share in SHARES:
        near = [cell for cell in others_in(cells) if _share(cell) == share]
        found += sorted(near, key=lambda cell: distance(subject, cell))[:1]
    return found


def _share(cell: Row) -> float:
    return min(SHARES, key=lambda share: abs(share - float(cell["multiplications"])))
