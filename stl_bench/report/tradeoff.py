"""The section that puts accuracy and speed side by side: whether any row has both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stl_bench.records import Record, reading
from stl_bench.report.cost import with_encoding
from stl_bench.report.drawing import BLUE, GREY, draw, log_scale
from stl_bench.report.labels import Word, place_labels
from stl_bench.report.matched import at_cost
from stl_bench.report.methods import Row, brief, is_exact, label, style
from stl_bench.report.network_charts import drawn_height
from stl_bench.report.section import Chart, Section, Table
from stl_bench.report.speed import BRACKETS, MARGIN, Speed, Speeds, is_faster, measured_speed, speed_of
from stl_bench.report.subjects import (
    SUBJECTS,
    Subject,
    cells_of,
    compressing,
    distance,
    exact_in,
    others_in,
    quoted,
    short_name,
)


def tradeoff_section(records: Sequence[Record], speeds: Speeds) -> Section:
    """Compare accuracy with speed, for the rows that have both.

    Parameters
    ----------
    records : sequence of Record
        The records of the benchmark.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    Section
        The section.
    """
    section = Section("tradeoff", "Accurate and fast?")
    found = [(subject, cells_of(records, subject)) for subject in SUBJECTS]
    found = [(subject, cells) for subject, cells in found if others_in(cells) and compressing(cells)]
    if not found:
        section.lead.append("No network is recorded with STL layers and with other methods beside them.")
        return section
    with reading(records[0]):
        section.lead = [
            "Accuracy and time come from different runs, joined here by the rank and depth of the layers. Accurate "
            "means at least as near to the dense network as the best other method recorded, at any cost; fast means "
            f"more than {MARGIN:.0%} faster than dense, end to end on a CPU."
        ]
        for subject, cells in found:
            section.lists.append((short_name(subject), both_findings(subject, cells, speeds)))
            if any(speed_of(cell, speeds) for cell in compressing(cells)):
                section.charts.append(_chart(subject, cells, speeds))
        section.tables.append(_table(found, speeds))
    return section


def accurate(subject: Subject, cells: Sequence[Row]) -> list[Row]:
    """Select the approximate STL rows that do at least as well as the best other method.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        The cells.
    """
    best = min(distance(subject, cell) for cell in others_in(cells))
    return [cell for cell in compressing(cells) if distance(subject, cell) <= best]


def fast_sizes(subject: Subject, speeds: Speeds) -> list[Speed]:
    """Select the sizes of STL layers that beat dense at some batch by more than the margin.

    Parameters
    ----------
    subject : Subject
        The network.
    speeds : Speeds
        The speeds that were timed, from `speeds_of`.

    Returns
    -------
    list[Speed]
        The speeds.
    """
    ours = [speed for speed in speeds.values() if speed.model == subject.name]
    return [speed for speed in ours if is_faster(max(speed.ratios))]


def has_both(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> list[Row]:
    """Select the rows that are accurate, were timed as they are, and are fast.

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
    list[Row]
        The cells.
    """
    fast = fast_sizes(subject, speeds)
    return [
        cell for cell in accurate(subject, cells) if cell["calibration"] == "none" and speed_of(cell, speeds) in fast
    ]


def both_findings(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> list[str]:
    """Say whether a row is both accurate and fast.

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
    list[str]
        Sentences.
    """
    good, fast, both = accurate(subject, cells), fast_sizes(subject, speeds), has_both(subject, cells, speeds)
    ours = [speed for speed in speeds.values() if speed.model == subject.name]
    if not ours:
        return ["No converted network of it was timed."]
    if both:
        return [f"Both accurate and fast: {with_speeds(subject, both, speeds)}."]
    words = ["No row recorded is shown to be both accurate and fast."]
    if fast:
        sizes = ", ".join(f"{_size(speed)} ({speed.words})" for speed in fast)
        words.append(f"Fast are layers of {sizes}.")
        for one in fast:
            words += _quality_at(subject, cells, one, speeds)
    else:
        top = max(ours, key=lambda speed: max(speed.ratios))
        words.append(f"None of {len(ours)} sizes timed is fast; the fastest is {_size(top)} at {max(top.ratios):.2f}×.")
    slow = [(cell, speed) for cell in good if (speed := speed_of(cell, speeds))]
    if slow:
        ratios = [ratio for _, speed in slow for ratio in speed.ratios]
        words.append(
            f"Of {len(good)} accurate rows {len(slow)} have layers of a size that was timed, without calibration at "
            f"{min(ratios):.2f}–{max(ratios):.2f}×."
        )
    untimed = [cell for cell in good if not speed_of(cell, speeds)]
    if untimed:
        words.append(f"Accurate, but not timed: {', '.join(dict.fromkeys(f'“{label(cell)}”' for cell in untimed))}.")
    return words


def with_speeds(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> str:
    """Write cells by name, each with its figure, what it costs and its speed.

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
    str
        Words.
    """
    return ", ".join(f"“{label(cell)}” ({at_cost(subject, cell)}, {measured_speed(cell, speeds)})" for cell in cells)


def _quality_at(subject: Subject, cells: Sequence[Row], speed: Speed, speeds: Speeds) -> list[str]:
    """Say what the layers of a fast size reach as they were timed."""
    ours = [c for c in compressing(cells) if c["calibration"] == "none" and speed_of(c, speeds) == speed]
    others = others_in(cells)
    words = []
    for cell in ours:
        ahead = sum(distance(subject, one) < distance(subject, cell) for one in others)
        words.append(
            f"As timed, “{label(cell)}” has {quoted(subject, cell, heading=True)}: {ahead} of the {len(others)} rows "
            "of other methods do better."
        )
    return words


def _size(speed: Speed) -> str:
    return f"r={speed.rank}" + (f", depth {speed.depth}" if speed.depth else "")


def _chart(subject: Subject, cells: Sequence[Row], speeds: Speeds) -> Chart:
    timed = [(cell, speed) for cell in compressing(cells) if (speed := speed_of(cell, speeds))]
    best = min(others_in(cells), key=lambda cell: distance(subject, cell))
    batch = timed[0][1].at_most_rows[0]

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        words = []
        for cell, speed in timed:
            height, ratio = drawn_height(subject, cell), speed.at_most_rows[1]
            axes.plot([min(speed.ratios), max(speed.ratios)], [height] * 2, color=BLUE, linewidth=0.8, alpha=0.6)
            plain = cell["calibration"] == "none"
            axes.scatter([ratio], [height], s=46, facecolors=BLUE if plain else "none", edgecolors=BLUE, zorder=4)
            words.append(Word(ratio, height, brief(cell) + ("" if plain else " *"), BLUE))
        level = drawn_height(subject, best)
        heights = [drawn_height(subject, cell) for cell, _ in timed]
        low = min(*heights, level / 12) / 1.6
        axes.set_ylim(low, max(*heights, level) * 1.6)
        log_scale(axes)
        axes.set_xlim(0, 1.5)
        axes.axvline(1, color=GREY, linewidth=1, linestyle="--")
        axes.axhline(level, color=style(str(best["method"]))[1], linewidth=1, linestyle="--")
        axes.fill_between([1 + MARGIN, 1.5], low, level, color=GREY, alpha=0.18, linewidth=0)
        number = len(has_both(subject, cells, speeds))
        count = "nothing recorded" if not number else f"{number} recorded"
        axes.text(1.265, (low * level) ** 0.5, f"accurate and fast:\n{count}", ha="center", va="center", fontsize=8.5)
        axes.text(
            0.01,
            level,
            f"{label(best)}, not timed",
            fontsize=7.5,
            va="bottom",
        )
        axes.set_xlabel(f"dense seconds / STL seconds, end to end at {batch} tokens; lines span all batches")
        axes.set_title(f"{subject.axis} (lower is better)")
        place_labels(axes, words)

    both = len(has_both(subject, cells, speeds))
    finding = f"{both or 'No'} row{'s' if both != 1 else ''} recorded in the corner of accurate and fast."
    words = f"{short_name(subject)}: accuracy against speed"
    return Chart(
        draw(f"{subject.name}-tradeoff", f"{words}. {finding}", paint, (8.2, 4.6)),
        f"{words}. Filled: timed as measured. Hollow and *: calibrated, at the speed of data-free layers of the same "
        f"rank and depth, which is the most they can have. Rows of a size that was not timed are in the table "
        f"alone. {finding}",
    )


def _table(found: Sequence[tuple[Subject, Sequence[Row]]], speeds: Speeds) -> Table:
    rows: list[tuple[str, ...]] = []
    groups, best = [], set()
    for subject, cells in found:
        groups.append((len(rows), f"{short_name(subject)}, {subject.quoted[1]}"))
        good, both = accurate(subject, cells), has_both(subject, cells, speeds)
        ours = [*others_in(cells), *compressing(cells), *exact_in(cells)]
        for cell in sorted(ours, key=lambda cell: distance(subject, cell)):
            stl = cell["method"] == "stl"
            speed = speed_of(cell, speeds)
            fast = "" if speed is None else "yes" if is_faster(max(speed.ratios)) else "no"
            judged = "exact" if is_exact(cell) else ("yes" if cell in good else "no") if stl else ""
            best |= {len(rows)} if cell in both else set()
            cost = f"{with_encoding(cell):.3f}"
            rows.append((label(cell), cost, quoted(subject, cell), measured_speed(cell, speeds), judged, fast))
    head = ("method", "with encoding", "quality", "speed", "accurate", "fast at some batch")
    caption = f"Accuracy beside speed, the nearest to dense first. {BRACKETS}"
    return Table(caption, head, tuple(rows), best=frozenset(best), groups=tuple(groups))
