"""From how many rows on an STL layer is faster than the dense one, measured on this machine."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_nn.linear import STLLinear
from stl_nn.timing import median_seconds

#: Break-even is looked for among these numbers of rows, up to the rows asked for.
ROWS = tuple(2**k for k in range(4, 15))


def break_even_rows(linear: nn.Linear, layer: STLLinear, most: int = ROWS[-1], repeats: int = 3) -> int | None:
    """The least number of rows from which on a layer is faster than the dense one.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer.
    layer : STLLinear
        The STL layer, in the mode in which it is to be timed.
    most : int
        The largest number of rows to try, beside those of `ROWS` below it.
    repeats : int
        Runs of each layer at each number of rows; their median counts.

    Returns
    -------
    int or None
        The number of rows; None if the layer is not faster even at `most`.

    Examples
    --------
    >>> from stl_algebra import classical, Format
    >>> linear = nn.Linear(32, 32)
    >>> break_even_rows(linear, STLLinear.from_linear(linear, classical(Format(2, 2, 2))), most=16) in (None, 16)
    True
    """
    found = None
    for rows in sorted({*(rows for rows in ROWS if rows < most), most}, reverse=True):
        x = torch.randn(rows, layer.in_features, device=linear.weight.device, dtype=linear.weight.dtype)
        timed = against_dense(linear, layer, x, repeats)
        if timed["stl"] >= timed["dense"]:
            break
        found = rows
    return found


@torch.inference_mode()
def against_dense(linear: nn.Linear, layer: STLLinear, x: Tensor, repeats: int) -> dict[str, float]:
    """Median seconds of a dense layer and an STL layer on one input, which take turns.

    Parameters
    ----------
    linear : nn.Linear
        The two layers.
    layer : STLLinear
        The two layers.
    x : Tensor
        Their input, (..., K).
    repeats : int
        Runs of each.

    Returns
    -------
    dict
        Seconds under ``"dense"`` and ``"stl"``.
    """
    candidates = {"dense": lambda: linear(x), "stl": lambda: layer(x)}
    return median_seconds(candidates, x.device, repeats)
