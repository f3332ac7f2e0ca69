"""The frontier as a picture: error at a precision against the ratio of multiplications."""

from __future__ import annotations

import io
from collections.abc import Iterable

from catalog.entry import Entry
from catalog.frontier import frontiers
from catalog.references import naive_error
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import Precision

#: Formats beyond this many, those with the shortest frontiers, are drawn in grey and without a name.
NAMED = 20


def draw(entries: Iterable[Entry], precision: str | Precision, kind: str) -> bytes:
    """Draw error against ratio: every entry, and the frontier of every format.

    The same entries give the same bytes with one version of Matplotlib.

    Parameters
    ----------
    entries : iterable of Entry
        What is drawn; those over GF(2) are left out.
    precision : str or Precision
        The precision of the errors.
    kind : str
        "png" or "svg".

    Returns
    -------
    bytes
        The picture.

    Raises
    ------
    InvalidInput
        If there is nothing to draw, or Matplotlib is missing.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise InvalidInput("plots need Matplotlib: pip install 'strassen-tile[plot]'") from None
    at = Precision.parse(precision)
    known = [entry for entry in entries if entry.is_real]
    if not known:
        raise InvalidInput("the catalog holds no encoder for real numbers to plot; find one with stl-search")
    with mpl.rc_context({"svg.hashsalt": "stl-catalog", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 5.6), layout="constrained")
        axes = figure.add_subplot()
        fronts = frontiers(known, at)
        longest = sorted(fronts, key=lambda f: (-len(fronts[f]), f.products, f))[:NAMED]
        for format, front in fronts.items():
            named = format in longest
            colour = mpl.colormaps["tab20"](longest.index(format) % 20) if named else "0.7"
            points = [e.ratio for e in front], [e.error_at(at) for e in front]
            axes.plot(
                *points, lw=1, marker="o", ms=3.5, color=colour, label=str(format) if named else None, zorder=1 + named
            )
        behind = [(e.ratio, e.error_at(at)) for e in known]
        axes.plot(*zip(*behind, strict=True), ls="", marker=".", ms=2, color="0.75", zorder=0)
        ratios = [step / 100 for step in range(1, 100)]
        axes.plot(ratios, [naive_error(ratio) for ratio in ratios], ls="--", color="0.4", label="naive: 1 − ratio")
        axes.set(
            xlabel="multiplications against the classical algorithm, r / (n·m·p)",
            ylabel=f"relative error at {at.name}",
            yscale="log",
            xlim=(0, 1.02),
            title="The best encoders known, by format",
        )
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7, ncols=3, loc="lower left")
        target = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(target, format=kind, dpi=160, metadata=metadata)
    return target.getvalue()
