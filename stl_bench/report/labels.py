"""Words beside the points of a chart, moved apart if they would cover one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Word:
    """A word beside a point.

    Parameters
    ----------
    x : float
        The place of the point across.
    y : float
        Its place up.
    text : str
        The word.
    colour : str
        The colour of the line from the point to the word.
    left : bool
        Whether the word stands on the left of the point.
    """

    x: float
    y: float
    text: str
    colour: str
    left: bool = False


def place_labels(axes: Any, words: Sequence[Word], size: float = 7.5, gap: float = 5.0) -> None:
    """Write words beside their points, and join those that had to move by a thin line.

    Two words collide if their spans across overlap; then the lower one goes down until it is free. Call this once the
    axes have their limits and scales.

    Parameters
    ----------
    axes : object
        The axes.
    words : sequence of Word
        The words.
    size : float
        Points of the font.
    gap : float
        Points between a point and its word.
    """
    figure = axes.figure
    figure.draw_without_rendering()
    if hasattr(figure, "set_layout_engine"):
        figure.set_layout_engine("none")  # what follows is in points of the layout as it is now
    scale = 72 / figure.dpi
    bottom = axes.transAxes.transform((0, 0))[1] * scale
    placed: list[tuple[float, float, float]] = []
    spots = [(axes.transData.transform((word.x, word.y)) * scale, word) for word in words]
    for (across, up), word in sorted(spots, key=lambda spot: (-spot[0][1], spot[1].text)):
        width = 0.56 * size * len(word.text)
        start = across - gap - width if word.left else across + gap
        height = up
        while (hit := _hit(placed, start, start + width, height, size)) is not None:
            height = hit - 1.25 * size - 0.01
        height = max(height, bottom + 1)
        placed.append((start, start + width, height))
        moved = abs(height - up) > 0.6 * size
        axes.annotate(
            word.text,
            (word.x, word.y),
            (-gap - 3 * moved if word.left else gap + 3 * moved, height - up),
            textcoords="offset points",
            fontsize=size,
            ha="right" if word.left else "left",
            va="center",
            arrowprops={"arrowstyle": "-", "color": word.colour, "lw": 0.4, "shrinkA": 0, "shrinkB": 2}
            if moved
            else None,
        )


def _hit(placed: Sequence[tuple[float, float, float]], start: float, end: float, height: float, size: float) -> Any:
    """Find the lowest word that one of this span and height would cover, and return its height."""
    found = [at for low, high, at in placed if low < end and start < high and abs(at - height) < 1.25 * size]
    return min(found, default=None)
