"""Charts: colours that are seen on both pages, and words that cover no other."""

from __future__ import annotations

import pytest

from stl_bench.report import drawing
from stl_bench.report.labels import Word, place_labels
from stl_bench.report.methods import STYLES

pytest.importorskip("matplotlib")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("page", drawing.PAGES)
@pytest.mark.parametrize("colour", sorted({colour for _, colour, _ in STYLES.values()}))
def test_every_colour_has_contrast_enough_on_both_pages(page: str, colour: str) -> None:
    light, dark = sorted((_luminance(page), _luminance(colour)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("left", [False, True])
def test_words_beside_points_that_meet_do_not_cover_each_other(left: bool) -> None:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure(figsize=(6, 4))
    axes = figure.add_subplot()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    place_labels(axes, [Word(0.5, 0.8 + i / 1000, f"a word {i}", "#000000", left) for i in range(6)])
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the lines
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
