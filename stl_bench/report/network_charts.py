"""Charts of whole networks: accuracy against cost, and how errors are spread over the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stl_bench.report.cost import with_encoding
from stl_bench.report.drawing import BLUE, GREY, PURPLE, below, draw, log_scale
from stl_bench.report.labels import Word, place_labels
from stl_bench.report.matched import best_others, standings
from stl_bench.report.methods import Row, brief, label, style
from stl_bench.report.section import Chart
from stl_bench.report.subjects import Subject, compressing, distance, others_in, plain, short_name

#: Nearer to dense than this is drawn there: an axis by powers of ten has no zero.
LEAST_DRAWN = 1e-4


def accuracy_chart(subject: Subject, cells: Sequence[Row]) -> list[Chart]:
    """Draw the distance from dense against multiplications with encoding, every point with its name.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Chart]
        The chart, or none if nothing is recorded.
    """
    others, stl = others_in(cells), compressing(cells)
    if not others and not stl:
        return []

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for cell in [*others, *stl]:
            _, colour, marker = style(str(cell["method"]))
            filled = cell["method"] != "stl" or cell["calibration"] != "none"
            axes.scatter(
                [with_encoding(cell)],
                [drawn_height(subject, cell)],
                s=46 if cell["method"] == "stl" else 32,
                marker=marker,
                facecolors=colour if filled or marker == "x" else "none",
                edgecolors=None if marker == "x" else colour,
                zorder=4,
            )
        kept = best_others(subject, cells)
        if kept:
            steps = [*((with_encoding(one), drawn_height(subject, one)) for one in kept)]
            edge = max(with_encoding(cell) for cell in [*others, *stl])
            axes.step(
                [*(x for x, _ in steps), max(edge, steps[-1][0])],
                [*(y for _, y in steps), steps[-1][1]],
                where="post",
                color=GREY,
                linewidth=0.9,
                linestyle="--",
                zorder=2,
            )
        heights = [drawn_height(subject, cell) for cell in [*others, *stl]]
        axes.set_ylim(min(heights) / 1.6, max(heights) * 1.6)
        log_scale(axes)
        axes.margins(x=0.22)
        axes.set_xlabel("multiplications of the replaced layers, encoding counted, of dense")
        axes.set_title(f"{subject.axis} (lower is better)")
        middle = sum(map(with_encoding, others)) / len(others) if others else 0.0
        place_labels(
            axes,
            [
                Word(
                    with_encoding(cell),
                    drawn_height(subject, cell),
                    brief(cell),
                    style(str(cell["method"]))[1],
                    cell["method"] != "stl" and with_encoding(cell) <= middle,
                )
                for cell in [*others, *stl]
            ],
        )

    finding = _accuracy_finding(subject, cells)
    words = f"{short_name(subject)}: {subject.axis}, against multiplications with encoding, by method"
    caption = (
        f"{words}. STL are circles, hollow where data-free; S stands for a level of Strassen's scheme. Below and to "
        "the left is better; under the dashed line STL does better than any other method of at most its cost. Exact "
        f"schemes are in a table of their own. {finding}"
    )
    return [Chart(draw(f"{subject.name}-mults", f"{words}. {finding}", paint, (8.2, 5.6)), caption)]


def _accuracy_finding(subject: Subject, cells: Sequence[Row]) -> str:
    found = standings(subject, cells)
    if not found:
        return "No approximate STL layers are recorded."
    under = sum(one.behind is None for one in found)
    won = sum(one.wins for one in found)
    return (
        f"{under} of {len(found)} STL rows do better than any method of at most their cost, {won} of them also better "
        "than one that costs no less."
    )


def layer_chart(subject: Subject, cells: Sequence[Row]) -> list[Chart]:
    """Draw the errors of layers in rising order, for the best methods at about half of the multiplications.

    Parameters
    ----------
    subject : Subject
        The network.
    cells : sequence of Row
        The cells of one network, as `cells_of` reads them.

    Returns
    -------
    list[Chart]
        The chart, or none if nothing is recorded.
    """
    half = [cell for cell in cells if cell["multiplications"] < 0.56 and cell["layers"]]
    half = [cell for cell in half if all("error" in layer.get("errors", {}) for layer in cell["layers"])]
    shown = [cell for cell in others_in(half) if cell["method"] in ("sparsegpt24", "asvd")]
    stl = sorted((c for c in compressing(half) if c["calibration"] != "none"), key=lambda c: distance(subject, c))
    flat = [cell for cell in stl if not cell.get("depth") and not cell.get("budget")]
    ours = {id(cell): cell for cell in [*stl[:1], *flat[:1]]}.values()
    if not shown and not ours:
        return []

    def paint(figure: Any) -> None:
        axes = figure.add_subplot()
        for cell, line in [*((cell, "-") for cell in shown), *zip(ours, ("-", "--"), strict=False)]:
            places = error_quantiles(cell)
            colour = style(str(cell["method"]))[1]
            axes.plot(
                [share for share, _ in places],
                [max(error, 1e-8) for _, error in places],
                line,
                color=PURPLE if cell["method"] == "stl" and line == "--" else colour,
                linewidth=2.2 if colour == BLUE else 1.4,
                label=label(cell),
            )
        log_scale(axes)
        axes.set_xlabel("% of the layers, the most accurate first")
        axes.set_title("relative output error ‖Ŷ − Y‖² / ‖XW‖² on the dense network's inputs")
        below(figure, axes, 2)

    words = f"{short_name(subject)}: errors of the layers in rising order, at about half of the multiplications"
    middle = {label(cell): error_quantiles(cell, 3) for cell in [*shown, *ours]}
    listed = "; ".join(f"{name} {plain(places[len(places) // 2][1], '.2g')}" for name, places in middle.items())
    finding = f"Median error: {listed}."
    note = (
        "Calibrated layer by layer, a layer makes good the errors of those before it; this error does not credit that."
    )
    return [
        Chart(draw(f"{subject.name}-layers", f"{words}. {finding}", paint, (8.2, 4.2)), f"{words}. {finding} {note}")
    ]


def drawn_height(subject: Subject, cell: Row) -> float:
    """Return how far a network is from dense, at least what a logarithmic axis shows.

    Parameters
    ----------
    subject : Subject
        The network.
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    float
        The distance.
    """
    return max(distance(subject, cell), LEAST_DRAWN)


def error_quantiles(cell: Row, points: int = 41) -> list[tuple[float, float]]:
    """Thin the layer errors of a cell, in rising order.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.
    points : int
        The number of points that are left.

    Returns
    -------
    list[tuple[float, float]]
        (per cent of the layers, error) of each point.

    Examples
    --------
    >>> layers = [{"errors": {"error": error}} for error in (0.3, 0.1, 0.2)]
    >>> error_quantiles({"layers": layers}, points=3)
    [(0.0, 0.1), (50.0, 0.2), (100.0, 0.3)]
    """
    errors = [float(layer["errors"]["error"]) for layer in cell["layers"]]
    places = np.linspace(0, 1, points if len(errors) > 1 else len(errors))
    return [(100 * float(place), float(np.quantile(errors, place))) for place in places]
