"""The sections on encoders themselves: the frontier that is shipped, and the model of their errors against sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from catalog import Catalog
from catalog.entry import Entry
from catalog.frontier import frontiers
from catalog.references import border_rank, exact_rank, naive_error
from stl_algebra import Format
from stl_bench.records import Record, origin, reading
from stl_bench.report.drawing import BLUE, GREY, draw, log_scale
from stl_bench.report.methods import Row
from stl_bench.report.section import Chart, Section, Source, Table

FORMAT, PRECISION = Format(4, 4, 4), "bf16"
#: The ranks of the table; the chart has all.
SHOWN = (8, 16, 20, 24, 28, 31, 32, 36, 39, 40, 42, 44, 45, 46, 47, 48, 49)


def shipped_frontier() -> list[Entry]:
    """List the shipped encoders of ⟨4,4,4⟩ that no other shipped one of no higher rank beats at bf16.

    Returns
    -------
    list[Entry]
        The entries in rising rank.
    """
    entries = [entry for entry in Catalog.default().entries() if entry.shipped]
    return frontiers(entries, PRECISION).get(FORMAT, [])


def frontier_section(front: Sequence[Entry]) -> Section:
    """Show the best encoder of each rank, beside what leaving products out costs.

    Parameters
    ----------
    front : sequence of Entry
        The frontier, from `shipped_frontier`.

    Returns
    -------
    Section
        The section.
    """
    section = Section("frontier", f"The encoders: the frontier at {tile_words(FORMAT)}")
    if not front:
        section.lead.append("The catalog that is shipped holds no encoder of this format.")
        return section
    exact = [entry for entry in front if entry.exact]
    known, border = exact_rank(FORMAT), border_rank(FORMAT)
    words = (
        f"By rank r, the best shipped encoder at {PRECISION}: its relative error ‖Ŷ − Y‖² / ‖Y‖² on independent "
        "inputs, rounding included. Naive keeps r of the 64 products of the classical algorithm, with the error 1 − "
        "r/64. "
    )
    words += f"The best exact rank known is {known}" if known else "No exact rank is known"
    words += f", and in the limit {border} products suffice." if border else "."
    section.lead = [words, " ".join(_readings(front))]
    section.charts = [_frontier_chart(front)]
    rows: list[tuple[str, ...]] = []
    best = set[int]()
    for entry in front:
        if entry.rank in SHOWN:
            error = entry.error_at(PRECISION)
            best |= {len(rows)} if entry.exact else set()
            rows.append(
                (
                    f"r={entry.rank}",
                    f"{entry.ratio:.3f}",
                    f"{error:.2g}",
                    f"{naive_error(entry.ratio):.3f}",
                    "" if entry.exact else f"{naive_error(entry.ratio) / error:.2g}",
                    f"{entry.growth:,.0f}",
                    f"exact over {entry.ring}" if entry.exact else "approximate",
                    entry.id[:12],
                )
            )
    head = ("rank", "r/64", f"error at {PRECISION}", "naive", "naive / error", "growth", "kind", "id")
    caption = f"Frontier of {tile_words(FORMAT)} at {PRECISION}, {len(front)} ranks of which {len(rows)} are shown"
    section.tables = [Table(caption, head, tuple(rows), best=frozenset(best), remarks=2)]
    command = f"stl-catalog list --tile 4 --precision {PRECISION}"
    note = f"{len(exact)} of them exact" if exact else "none exact"
    section.sources = [Source(f"the shipped catalog, {note}", command, "see the entries", "as installed", "any")]
    return section


def _readings(front: Sequence[Entry]) -> list[str]:
    """How far below naive the frontier lies where networks use it."""
    words = []
    for rank in (32, 40, 47):
        entry = next((one for one in front if one.rank == rank), None)
        if entry is not None:
            ratio = naive_error(entry.ratio) / entry.error_at(PRECISION)
            words.append(f"r={rank}: {entry.error_at(PRECISION):.2g}, {ratio:.2g} times below naive.")
    if words:
        words.append("Inputs of trained layers are not independent; what calibration makes of that, the networks show.")
    return words


def _frontier_chart(front: Sequence[Entry]) -> Chart:
    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        found = [entry for entry in front if entry.rank < FORMAT.products]
        ranks = [entry.rank for entry in found]
        axes.plot(ranks, [naive_error(entry.ratio) for entry in found], "--", color=GREY)
        axes.plot(ranks, [entry.error_at(PRECISION) for entry in found], color=BLUE, linewidth=1)
        for exact in (False, True):
            ours = [entry for entry in found if entry.exact == exact]
            axes.scatter(
                [entry.rank for entry in ours],
                [entry.error_at(PRECISION) for entry in ours],
                s=22,
                color=BLUE,
                marker="*" if exact else "o",
                zorder=3,
            )
        log_scale(axes)
        if found:
            axes.annotate(
                "naive", (ranks[0], naive_error(found[0].ratio)), (4, 5), textcoords="offset points", color=GREY
            )
            middle = found[len(found) // 2]
            at = (middle.rank, middle.error_at(PRECISION))
            axes.annotate("shipped (★ exact)", at, (-8, -14), textcoords="offset points", color=BLUE, ha="right")
        axes.set_xlabel("rank r, of 64 products")
        axes.set_title(f"relative error at {PRECISION}")

    words = f"Relative error of the best shipped encoder of {tile_words(FORMAT)} by rank, beside naive"
    last = next((entry for entry in front if entry.exact), None)
    finding = f"Exact from rank {last.rank} on." if last else "None is exact."
    return Chart(draw("frontier", f"{words}. {finding}", paint, (8.2, 3.6)), f"{words}. {finding}")


def error_model_section(records: Sequence[Record]) -> Section:
    """Compare the closed form of the error with Monte Carlo in real arithmetic.

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
        "error-model",
        "The error model against sampling",
        [
            "The error of an encoder at a precision is computed in closed form, from its residual and its growth. Here "
            "that is held against products of random tiles, with operands really rounded."
        ],
    )
    if not records:
        section.missing.append(("the error model against Monte Carlo", "python benchmarks/error_model.py"))
        return section
    for record in records:
        with reading(record):
            rows: list[Row] = list(record.content["rows"])
            by: dict[str, list[Row]] = {}
            for row in rows:
                by.setdefault(str(row["precision"]), []).append(row)
            lines = tuple((name, str(len(ours)), *_worst(ours)) for name, ours in by.items())
            head = ("precision", "encoders", "largest difference, %", "in standard errors", "errors from", "to")
            samples = record.content.get("samples")
            caption = (
                f"Model against Monte Carlo, {samples:,} samples an encoder" if samples else "Model and Monte Carlo"
            )
            section.tables.append(Table(caption, head, lines))
            section.lead.append(error_model_finding(rows))
            section.sources.append(Source("the error model", **origin(record.content)))
    return section


def error_model_finding(rows: Sequence[Row]) -> str:
    """Say how far the model is from what was sampled, at most.

    Parameters
    ----------
    rows : sequence of Row
        The rows of the record.

    Returns
    -------
    str
        A sentence.
    """
    worst = max(rows, key=lambda row: abs(float(row["difference"])))
    errors = max(abs(float(row["model"]) - float(row["measured"])) / float(row["standard_error"]) for row in rows)
    return (
        f"Over {len(rows)} pairs of encoder and precision the model is at most "
        f"{100 * abs(float(worst['difference'])):.1f} % from what was sampled (tile {worst['tile']}, "
        f"r={worst['rank']}, {worst['precision']}), at most {errors:.1f} standard errors of the sample."
    )


def _worst(rows: Sequence[Row]) -> tuple[str, ...]:
    difference = max(abs(float(row["difference"])) for row in rows)
    errors = max(abs(float(row["model"]) - float(row["measured"])) / float(row["standard_error"]) for row in rows)
    values = [float(row["measured"]) for row in rows]
    return f"{100 * difference:.1f}", f"{errors:.1f}", f"{min(values):.1g}", f"{max(values):.1g}"


def tile_words(format: Format) -> str:
    """Write a format as it stands in the text.

    Parameters
    ----------
    format : Format
        The format.

    Returns
    -------
    str
        "⟨n,m,p⟩".
    """
    return f"⟨{','.join(map(str, format))}⟩"
