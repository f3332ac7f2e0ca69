"""What a converted network costs, with the encoding and decoding that the count of a layer's products leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stl_bench.report.methods import Row

#: What one level of Strassen's scheme makes of a rank.
STRASSEN = 7
#: Costs nearer than this, as shares of dense, count as the same.
TIE = 0.01


def with_encoding(cell: Row) -> float:
    """Count the multiplications of a cell, those of encoding inputs and decoding outputs included.

    Parameters
    ----------
    cell : Row
        A cell of a network: one method's row of the benchmark `models`.

    Returns
    -------
    float
        The share of the dense multiplications.

    Notes
    -----
    A tile of n rows and m columns is encoded once, by r·n·m multiplications: r a row and column, so r·K a row of X,
    and by the same count r·N a row of Y to decode. So an STL layer takes r·(K + N) more a row, beside the K·N of a
    dense one. A layer that stands for several of the same input takes r·K once. r is the rank of the tile encoder at
    any depth: the levels of Strassen's scheme work on its r channels, and their encoding and decoding are additions.
    Additions are not counted, here or elsewhere in the report: they are 5/64·r·K·(1 + 7/4 + …) a row of X for n·m =
    16, less than half of the encoding at three levels. A cell's `rank` is r; if ranks were chosen by layer, `ranks`
    holds those of the whole scheme, r·7^depth. Other methods encode nothing.

    Examples
    --------
    >>> layers = [{"name": name, "in_features": 384, "out_features": 192} for name in "qk"]
    >>> cell = {"method": "stl", "rank": 24, "multiplications": 0.375, "layers": layers}
    >>> with_encoding(cell), with_encoding({**cell, "joined": {"q.joined": ["q", "k"]}})
    (0.5625, 0.5)
    >>> with_encoding({**cell, "rank": None, "depth": 2, "ranks": {"q": 24 * 49, "k": 24 * 49}})
    0.5625
    """
    if cell["method"] != "stl" or not cell["layers"]:
        return float(cell["multiplications"])
    stands = {part: name for name, parts in (cell.get("joined") or {}).items() for part in parts}
    entering, leaving, dense = dict[str, int](), Counter[str](), 0
    for layer in cell["layers"]:
        name = stands.get(layer["name"], layer["name"])
        entering[name] = layer["in_features"]
        leaving[name] += layer["out_features"]
        dense += layer["in_features"] * layer["out_features"]
    chosen, levels = cell.get("ranks") or {}, STRASSEN ** (cell.get("depth") or 0)
    rank = {name: chosen[name] / levels if name in chosen else cell["rank"] for name in entering}
    coded = sum(rank[name] * (entering[name] + leaving[name]) for name in entering)
    return float(cell["multiplications"]) + coded / dense


def span(values: Sequence[float], form: str = ".2f") -> str:
    """Write the least and the largest of some figures.

    Parameters
    ----------
    values : sequence of float
        The figures, at least one.
    form : str
        Their format.

    Returns
    -------
    str
        "least–largest", or one figure if both are written alike.

    Examples
    --------
    >>> span([0.5, 0.63, 0.6]), span([0.5])
    ('0.50–0.63', '0.50')
    """
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low}–{high}"


def shapes_of(cells: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Collect the sides of the layers that some cells name.

    Parameters
    ----------
    cells : sequence of Row
        Cells of any network.

    Returns
    -------
    dict[str, tuple[int, int]]
        (K, N) by layer name.
    """
    layers: list[dict[str, Any]] = [layer for cell in cells for layer in cell.get("layers", [])]
    return {layer["name"]: (int(layer["in_features"]), int(layer["out_features"])) for layer in layers}
