"""Comparing methods at what they cost: who is ahead of whom without costing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stl_bench.report.cost import TIE, with_encoding
from stl_bench.report.methods import Row, label
from stl_bench.report.subjects import Subject, compressing, distance, others_in, quoted


@dataclass(frozen=True)
class Standing:
    """An STL cell among the other methods, encoding counted.

    Parameters
    ----------
    cell : Row
        The cell.
    cost : float
        Its share of the multiplications, with encoding.
    behind : Row or None
        The best of those that do better and cost no more: the cell loses to it, whatever the difference in cost.
    ahead : Row or None
        The best of those that do worse and cost no less: the cell wins, whatever the difference in cost.
    dearer : Row or None
        The best of those that do worse and cost less: nothing is matched.
    """

    cell: Row
    cost: float
    behind: Row | None
    ahead: Row | None
    dearer: Row | None

    @property
    def wins(self) -> bool:
        """Whether it does better than some method at no more cost, and no worse than any that costs no more."""
        return self.behind is None and self.ahead is not None


def standing(subject: Subject, cell: Row, others: Sequence[Row]) -> Standing:
    """Find where a cell stands among other methods.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.
    others : sequence of Row
        The cells of other methods.

    Returns
    -------
    Standing
        Its standing.
    """
    cost = with_encoding(cell)

    def best(found: list[Row]) -> Row | None:
        return min(found, key=lambda one: distance(subject, one), default=None)

    mine = distance(subject, cell)
    better = [one for one in others if distance(subject, one) < mine]
    worse = [one for one in others if distance(subject, one) >= mine]
    return Standing(
        cell,
        cost,
        best([one for one in better if with_encoding(one) <= cost + TIE]),
        best([one for one in worse if with_encoding(one) >= cost - TIE]),
        best([one for one in worse if with_encoding(one) < cost - TIE]),
    )


def standings(subject: Subject, cells: Sequence[Row]) -> list[Standing]:
    """Find where each approximate STL cell of a network stands.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Standing]
        The standings, the nearest to dense first.
    """
    others = others_in(cells)
    stl = sorted(compressing(cells), key=lambda cell: distance(subject, cell))
    return [standing(subject, cell, others) for cell in stl]


def at_cost(subject: Subject, cell: Row) -> str:
    """Write a cell's figure and what it costs.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    str
        Words such as "0.914 at 0.606".
    """
    return f"{quoted(subject, cell)} at {with_encoding(cell):.3f}"


def named(subject: Subject, cell: Row) -> str:
    """Write a cell's name, its figure and what it costs.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    str
        Words such as "SVD (0.310 at 0.625)".
    """
    return f"{label(cell)} ({at_cost(subject, cell)})"


def verdict(subject: Subject, one: Standing) -> str:
    """Say where a cell stands, for a table.

    Parameters
    ----------
    subject : Subject
        The network.
    one : Standing
        Its standing.

    Returns
    -------
    str
        Words.
    """
    if one.behind is not None:
        return f"behind {named(subject, one.behind)}"
    parts = []
    if one.ahead is not None:
        parts.append(f"ahead of {named(subject, one.ahead)}")
    if one.dearer is not None:
        words = "ahead only at more cost of" if one.ahead is None else "but dearer than"
        parts.append(f"{words} {named(subject, one.dearer)}")
    return ", ".join(parts) or "nothing to compare with"


def best_others(subject: Subject, cells: Sequence[Row]) -> list[Row]:
    """Select the other methods that no cheaper one beats.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Row]
        Their cells, the cheapest first.
    """
    kept: list[Row] = []
    for cell in sorted(others_in(cells), key=lambda one: (round(with_encoding(one), 2), distance(subject, one))):
        if not kept or distance(subject, cell) < distance(subject, kept[-1]):
            kept.append(cell)
    return kept


def matched_findings(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """Say what holds at equal cost, and what does not.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[str]
        Sentences.
    """
    found, others = standings(subject, cells), others_in(cells)
    if not found or not others:
        return []
    key = lambda cell: distance(subject, cell)  # noqa: E731
    best, cheapest = min(others, key=key), min(one.cost for one in found)
    sentences = []
    won = [one for one in found if one.wins and one.ahead is not None]
    if won:
        top = won[0]
        assert top.ahead is not None
        sentences.append(
            f"At matched cost, encoding counted: “{label(top.cell)}” ({quoted(subject, top.cell, heading=True)} at "
            f"{top.cost:.3f} of the dense multiplications) is ahead of {named(subject, top.ahead)}, which costs no "
            f"less, and of all that cost no more. Approximate STL rows that stand so: {len(won)} of {len(found)}."
        )
    else:
        sentences.append(
            f"At matched cost, encoding counted, none of the approximate STL rows ({len(found)}) is ahead of another "
            "method."
        )
    lost = [one for one in found if one.behind is not None]
    if lost:
        top = lost[0]
        assert top.behind is not None
        sentences.append(
            f"Approximate STL rows that lose to a method that costs no more: {len(lost)} of {len(found)}, the best of "
            f"them “{label(top.cell)}” ({at_cost(subject, top.cell)}) to {named(subject, top.behind)}."
        )
    unmatched = [one for one in found if key(one.cell) < key(best) and one.cost > with_encoding(best) + TIE]
    if unmatched:
        least = min(unmatched, key=lambda one: one.cost)
        cheap = min(with_encoding(one) for one in others)
        sentences.append(
            f"Not matched: the best other method recorded, {named(subject, best)}, is passed only at more cost, by "
            f"{len(unmatched)} of {len(found)} STL rows, the cheapest “{label(least.cell)}” "
            f"({at_cost(subject, least.cell)})"
            + (f"; no STL row recorded takes less than {cheapest:.3f}." if cheapest > cheap + TIE else ".")
        )
    return sentences


def uniform_and_chosen(subject: Subject, cells: Sequence[Row]) -> list[str]:
    """Compare one rank for all layers with ranks chosen layer by layer, at about the least cost.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[str]
        A sentence, or none.
    """
    others = others_in(cells)
    flat = [cell for cell in compressing(cells) if not cell.get("depth")]
    if not others or not flat:
        return []
    least = min(float(cell["multiplications"]) for cell in flat)
    near = [cell for cell in flat if cell["multiplications"] < least + 0.07]
    kinds = (
        ("one rank for all layers", [cell for cell in near if not cell.get("budget")]),
        ("ranks chosen by layer", [cell for cell in near if cell.get("budget")]),
    )
    parts = []
    for words, ours in kinds:
        if ours:
            best = min(ours, key=lambda cell: distance(subject, cell))
            stands = verdict(subject, standing(subject, best, others))
            parts.append(f"with {words}, “{label(best)}” ({at_cost(subject, best)}) is {stands}")
    if not parts:
        return []
    return [f"Without Strassen's levels, at about half of the multiplications: {'; '.join(parts)}."]
