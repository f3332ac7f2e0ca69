"""Choosing an encoder for every layer under a budget of multiplications."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from stl_algebra import InvalidInput, TileEncoder
from stl_nn.calibration.layer import Level, calibrated_multiplications, predicted_changes
from stl_nn.calibration.moments import InputMoments

#: (multiplications for one row, error, encoder).
Point = tuple[float, float, TileEncoder]


def comparable(layers: Iterable[str], sensitivity: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The sensitivities by which layers are weighed against each other: those of all layers, or none.

    If all are zero nothing is known, because a network is sensitive to some layer.

    Parameters
    ----------
    layers : iterable of str
        The names of the layers.
    sensitivity : mapping
        That of each layer's output channels, by name, (N,) each.

    Returns
    -------
    dict
        The sensitivities by name; empty if nothing is known.

    Raises
    ------
    InvalidInput
        If those of some layers alone are known.

    Examples
    --------
    >>> import torch
    >>> comparable(["a"], {"a": torch.zeros(2)})
    {}
    """
    if not any(bool(one.any()) for one in sensitivity.values()):
        return {}
    if apart := [name for name in layers if name not in sensitivity]:
        raise InvalidInput(
            f"layer {apart[0]!r} runs without gradients, so a budget cannot weigh it against the others; "
            "filter it out, or give probe=None"
        )
    return dict(sensitivity)


def tradeoff(
    linear: nn.Linear,
    encoders: Sequence[TileEncoder],
    moments: InputMoments,
    level: Level | str = Level.PERMUTATION,
    depth: int = 0,
    sensitivity: Tensor | None = None,
) -> list[Point]:
    """The choices for one layer, cheapest first: points on the lower convex hull of multiplications and errors.

    Parameters
    ----------
    linear : nn.Linear
        The layer.
    encoders : sequence of TileEncoder
        The encoders to choose from.
    moments : InputMoments
        Those of its inputs.
    level : Level or str
        How the layer will be calibrated; its errors are those of `predicted_changes`.
    depth : int
        Levels of Strassen's scheme, for the multiplications.
    sensitivity : Tensor or None
        That of the layer's output channels, (N,), or None.

    Returns
    -------
    list of Point
        Multiplications for one row, error and encoder of each point.

    Raises
    ------
    InvalidInput
        If there is no encoder.
    """
    if not encoders:
        raise InvalidInput("there are no encoders to choose from")
    errors = predicted_changes(linear, encoders, moments, level, sensitivity)
    points = [
        (
            calibrated_multiplications(linear, encoder, level, depth) * linear.weight.numel(),
            error,
            encoder,
        )
        for encoder, error in zip(encoders, errors, strict=True)
    ]
    return _hull(sorted(points, key=lambda point: point[:2]))


def spend(curves: Mapping[str, list[Point]], most: float) -> dict[str, TileEncoder]:
    """One point of each curve, together within a number of multiplications, of least summed error.

    Greedy steps of steepest descent along convex curves: optimal up to the last step.

    Parameters
    ----------
    curves : mapping
        The points of each layer by name, of `tradeoff`.
    most : float
        Multiplications for one row that all layers may take together.

    Returns
    -------
    dict
        The encoder of each layer.

    Raises
    ------
    InvalidInput
        If the cheapest points together take more.
    """
    at = dict.fromkeys(curves, 0)
    taken = sum(curve[0][0] for curve in curves.values())
    if taken > most:
        raise InvalidInput(
            f"the cheapest encoders already take {taken / most:.3g} times the multiplications the budget allows; "
            "raise the budget or add encoders of lower rank"
        )
    steps: list[tuple[float, str]] = []
    for name, curve in curves.items():
        _push(steps, name, curve, 0)
    while steps:
        _, name = heapq.heappop(steps)
        curve, i = curves[name], at[name]
        more = curve[i + 1][0] - curve[i][0]
        if taken + more > most:
            continue
        taken += more
        at[name] = i + 1
        _push(steps, name, curve, i + 1)
    return {name: curve[at[name]][2] for name, curve in curves.items()}


def _hull(points: list[Point]) -> list[Point]:
    """The lower convex hull of points sorted by cost: each one costs more, errs less, and by less and less.

    >>> from stl_algebra import strassen
    >>> [point[0] for point in _hull([(cost, error, strassen()) for cost, error in [(1, 3), (2, 2.9), (3, 1)]])]
    [1, 3]
    """
    hull: list[Point] = []
    for point in points:
        if hull and point[1] >= hull[-1][1]:
            continue
        while hull and point[0] == hull[-1][0]:
            hull.pop()
        while len(hull) > 1 and _slope(hull[-2], hull[-1]) >= _slope(hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _slope(first: Point, second: Point) -> float:
    return (second[1] - first[1]) / (second[0] - first[0])


def _push(steps: list[tuple[float, str]], name: str, curve: list[Point], i: int) -> None:
    if i + 1 < len(curve):
        heapq.heappush(steps, (_slope(curve[i], curve[i + 1]), name))
