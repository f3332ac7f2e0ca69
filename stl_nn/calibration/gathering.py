"""Gathering the moments of what enters the layers of a network, in one pass over the calibration inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import torch
from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import InputMoments, MomentSums
from stl_nn.calibration.shared_sums import SharedSums
from stl_nn.execution import listening
from stl_nn.pointwise import entering_rows, row_layout


class Reached(Exception):
    """Ends a forward pass once the layers that are listened to have their inputs."""


def gather_moments(
    layers: Mapping[str, nn.Module],
    batches: Iterable[object],
    run: Callable[[object], object],
    lags: int = 1,
    once: bool = False,
) -> dict[str, InputMoments]:
    """The moments of what enters each of some layers while the calibration inputs are run.

    Layers that are fed the same tensors (q, k, v) share the work, and their moments, for as long as they are. One batch
    is held at a time.

    Parameters
    ----------
    layers : mapping
        The layers by name.
    batches : iterable of object
        The calibration inputs.
    run : callable
        Runs a batch.
    lags : int
        The number of lags of the moments: rows of a tile.
    once : bool
        Whether no pass calls a layer twice; a pass then ends as soon as all of the layers have been called.

    Returns
    -------
    dict
        The moments by name.

    Raises
    ------
    InvalidInput
        If the loader yields nothing, a layer never runs, or inputs are not finite.

    Examples
    --------
    >>> layer = nn.Linear(2, 1)
    >>> gather_moments({"": layer}, [torch.ones(4, 2)], layer)[""].count
    4
    """
    fed: dict[str, SharedSums] = {}
    silent: set[str] = set()

    def hear(name: str, x: Tensor) -> None:
        layer = layers[name]
        rows, layout = entering_rows(layer, x), row_layout(layer)
        if name in fed:
            fed[name] = fed[name].take(name, x, rows)
        elif same := next((one for one in fed.values() if one.begun_with(x, layout)), None):
            fed[name] = same
            same.join(name)
        else:
            fed[name] = SharedSums(MomentSums(rows.shape[-1], lags), layout)
            fed[name].join(name)
            fed[name].take(name, x, rows)
        silent.discard(name)
        if once and not silent:
            raise Reached

    with torch.no_grad(), listening(layers, hear):
        for batch in batches:
            silent.update(layers)
            with suppress(Reached):
                run(batch)
            for one in set(fed.values()):
                fed |= {name: part for part in one.parts() for name in part.layers}
    for name in layers:
        if name not in fed:
            raise InvalidInput(f"the calibration loader yields nothing that reaches layer {name!r}; give it a batch")
    found: dict[str, InputMoments] = {}
    # One at a time: of a large network the sums are gigabytes.
    while fed:
        one = next(iter(fed.values()))
        for name in one.layers:
            del fed[name]
        found |= dict.fromkeys(one.layers, one.sums.result())
    return {name: found[name] for name in layers}
