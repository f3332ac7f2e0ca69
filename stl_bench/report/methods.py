"""Methods of the report in words, and how each is drawn."""

from __future__ import annotations

from typing import Any

from stl_bench.report.drawing import BLUE, BROWN, GREEN, GREY, ORANGE, PINK, PURPLE, RED, TEAL

Row = dict[str, Any]

#: Title, colour, marker.
STYLES: dict[str, tuple[str, str, str]] = {
    "stl": ("STL", BLUE, "o"),
    "magnitude24": ("2:4 magnitude", GREY, "s"),
    "wanda24": ("2:4 Wanda", ORANGE, "s"),
    "sparsegpt24": ("2:4 SparseGPT", RED, "s"),
    "svd": ("SVD", GREY, "^"),
    "asvd": ("activation-aware SVD", GREEN, "^"),
    "block": ("block-sparse", BROWN, "D"),
    "monarch": ("Monarch", PURPLE, "D"),
    "sampling": ("column-row sampling", PINK, "v"),
    "countsketch": ("CountSketch", TEAL, "v"),
}
#: An encoder with a smaller relative error than this is exact: what is left is rounding.
EXACT = 1e-9
_LEVELS = {0: "", 1: " + Strassen", 2: " + Strassen²"}


def style(method: str) -> tuple[str, str, str]:
    """Look up how a method is drawn, also one that the report does not know.

    Parameters
    ----------
    method : str
        The method.

    Returns
    -------
    title
        Its title.
    colour
        Its colour.
    marker
        The marker of its points.
    """
    return STYLES.get(method, (method, GREY, "x"))


def label(cell: Row) -> str:
    """Write a method in words.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> label({"method": "stl", "calibration": "refit", "rank": 35, "depth": 1})
    'STL r=35 + Strassen, refit'
    >>> label({"method": "stl", "calibration": "refit", "rank": None, "budget": 0.5})
    'STL of chosen ranks, refit'
    """
    words = style(str(cell["method"]))[0]
    steps = f", {cell['finetune']} steps" if cell.get("finetune") else ""
    if cell["method"] != "stl":
        return f"{words}{steps}"
    depth = cell.get("depth") or 0
    deep = _LEVELS.get(depth, f" + Strassen {depth} times")
    size = "of chosen ranks" if cell.get("budget") else f"r={cell['rank']}"
    return f"{words} {size}{deep}, {level(cell)}{steps}"


def brief(cell: Row) -> str:
    """Write a method beside its point in a chart.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> brief({"method": "stl", "calibration": "refit", "rank": 31, "depth": 0})
    'r=31 refit'
    >>> brief({"method": "stl", "calibration": "moments", "rank": None, "budget": 0.5, "depth": 2})
    'chosen + S² moments'
    """
    if cell["method"] != "stl":
        return label(cell)
    depth = cell.get("depth") or 0
    deep = {0: "", 1: " + S", 2: " + S²", 3: " + S³"}.get(depth, f" + S×{depth}")
    steps = f", {cell['finetune']} steps" if cell.get("finetune") else ""
    return f"{'chosen' if cell.get('budget') else 'r=' + str(cell['rank'])}{deep} {level(cell)}{steps}"


def level(cell: Row) -> str:
    """Write how an STL layer was calibrated.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    str
        The words.
    """
    return "data-free" if cell["calibration"] == "none" else str(cell["calibration"])


def is_exact(cell: Row) -> bool:
    """Return whether a cell's layers are an exact algorithm: these compute what dense layers do, and compress nothing.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    bool
        Whether they are.

    Examples
    --------
    >>> is_exact({"method": "stl", "encoder": {"relative_error": 0.0}}), is_exact({"method": "stl"})
    (True, False)
    """
    encoder = cell.get("encoder")
    if cell["method"] != "stl" or not isinstance(encoder, dict) or cell.get("budget"):
        return False
    return float(encoder.get("relative_error", 1.0)) < EXACT


def is_joined(cell: Row) -> bool:
    """Return whether layers of a cell that read the same input are one STL layer.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    bool
        Whether they are.
    """
    return bool(cell.get("joined"))
