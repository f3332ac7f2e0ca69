"""Draw the picture of the README, docs/frontier.svg, from the shipped catalog: python docs/frontier.py [TARGET]."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from strassen_tile import Catalog, Entry

PICTURE = Path(__file__).parent / "frontier.svg"
#: From the finest precision to the coarsest, each with its colour.
PRECISIONS = {"fp32": "#1b6ca8", "bf16": "#d1495b", "fp8-e4m3": "#edae49"}
RANKS = range(16, 50)


def draw(target: Path) -> None:
    """Draw the least error of ⟨4,4,4⟩ by rank, at three precisions, beside that of leaving products out.

    Parameters
    ----------
    target : pathlib.Path
        The file, of a kind that Matplotlib writes. The same catalog and version of Matplotlib give the same bytes.
    """
    entries = [one for one in Catalog.default().entries(tile=4, real=True) if one.shipped and one.rank in RANKS]
    style: Any = {
        "svg.hashsalt": "frontier",
        "svg.fonttype": "none",
        "font.size": 11,
        "font.sans-serif": ["DejaVu Sans"],
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 4.2), layout="constrained")
        axes = figure.add_subplot()
        shares = [rank / 64 for rank in RANKS]
        axes.plot(shares, [1 - share for share in shares], "--", color="0.45", label="leaving products out")
        for precision, colour in reversed(PRECISIONS.items()):
            errors = [_least(entries, rank, precision) for rank in RANKS]
            axes.plot(shares, errors, "o-", ms=3, lw=1.5, color=colour, label=f"best encoder in {precision}")
        axes.set(xlabel="share of the multiplications", ylabel="relative squared error", ylim=(0, 0.8))
        axes.set_title("⟨4,4,4⟩: what an encoder of r products costs in accuracy", fontsize=12)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.annotate("exact from rank 48 on", (0.75, 0.0), (0.765, 0.16), arrowprops={"arrowstyle": "->"}, ha="right")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else {})


def _least(entries: list[Entry], rank: int, precision: str) -> float:
    return min(one.error_at(precision) for one in entries if one.rank == rank)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
