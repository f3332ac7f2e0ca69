"""Drawing charts as SVG that stands inside a page: its colour of text, its font, identifiers of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

from stl_algebra import InvalidInput

#: Stands for the colour of the page's text; no chart uses it for anything else.
_TEXT = "#010203"

#: Colours that keep apart, also for most colour-blind readers; on the white and on the dark page each has a contrast of
#: at least 3 to 1, what is asked of graphics that carry meaning.
BLUE, ORANGE, GREEN, RED, PURPLE, GREY, TEAL, BROWN, PINK = (
    *("#3b82c4", "#c4741a", "#2a9d6f", "#d1495b", "#8e6bbf"),
    *("#83888f", "#2a8fa3", "#a9744f", "#d36fa5"),
)
#: The pages that they stand on.
PAGES = ("#ffffff", "#14171b")


def draw(name: str, label: str, paint: Callable[[Any], None], size: tuple[float, float] = (7.2, 4.0)) -> str:
    """Draw a figure as SVG.

    Parameters
    ----------
    name : str
        Makes the identifiers of the figure unique on the page.
    label : str
        What the figure shows, for those who cannot see it.
    paint : callable
        Fills the figure that it is given.
    size : tuple[float, float]
        Inches across and down.

    Returns
    -------
    str
        The SVG element.

    Raises
    ------
    InvalidInput
        If Matplotlib is not installed.
    """
    with _style() as figure_class:
        figure = figure_class(figsize=size, layout="constrained")
        paint(figure)
        out = StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return embedded(out.getvalue(), name, label)


def embedded(svg: str, name: str, label: str) -> str:
    """Turn an SVG file into an element of a page.

    Parameters
    ----------
    svg : str
        The text of the file.
    name : str
        Makes its identifiers unique on the page.
    label : str
        What it shows.

    Returns
    -------
    str
        The SVG element, in the colour of the page's text.

    Examples
    --------
    >>> embedded('<?xml?><svg width="9pt" height="9pt"><path id="a" fill="#010203"/><use href="#a"/></svg>', "x", "y")
    '<svg role="img" aria-label="y"><path id="x-a" fill="currentColor"/><use href="#x-a"/></svg>'
    """
    from html import escape

    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace(_TEXT, "currentColor").replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)


def below(figure: Any, axes: Any, columns: int = 3) -> None:
    """Put a legend under the axes: there it covers nothing and stays in sight on a narrow screen.

    Parameters
    ----------
    figure : object
        The figure.
    axes : object
        The axes whose lines the legend names.
    columns : int
        Columns of the legend.
    """
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=columns)


def log_scale(axes: Any, which: str = "y") -> None:
    """Make an axis logarithmic, with plain numbers as ticks.

    Parameters
    ----------
    axes : object
        The axes.
    which : str
        "x" or "y".
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    getattr(axes, f"set_{which}scale")("log")
    axis = axes.yaxis if which == "y" else axes.xaxis
    low, high = sorted(axis.get_view_interval())
    steps = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


@contextmanager
def _style() -> Iterator[Any]:
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise InvalidInput("the charts need Matplotlib: pip install 'strassen-tile[plot]'") from None
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "stl-bench",
        "font.size": 10,
        "text.parse_math": False,
        "text.color": _TEXT,
        "axes.edgecolor": _TEXT,
        "axes.labelcolor": _TEXT,
        "axes.titlelocation": "left",
        "axes.titlesize": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.grid": True,
        "grid.color": "#80808055",
        "grid.linewidth": 0.6,
        "xtick.color": _TEXT,
        "ytick.color": _TEXT,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.8,
    }
    with mpl.rc_context(style):
        yield Figure
