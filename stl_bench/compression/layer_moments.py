"""The moments of one layer's tiles while a pretrained network reads text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from torch import nn

from stl_algebra import Format, InvalidInput, TileMoments
from stl_bench.data.text import docstrings, passages_of, prose
from stl_nn.calibration.gathering import gather_moments
from stl_nn.calibration.tile_moments import layer_tile_moments
from stl_nn.replacement import is_linear

#: Tokens a language model reads at a time.
WINDOW = 512
TEXT = "docstrings"


def network_tile_moments(model: str, layer: str, format: Format, limit: int) -> tuple[TileMoments, dict[str, Any]]:
    """Measure the moments of one layer's tiles while a pretrained network reads text.

    Parameters
    ----------
    model : str
        minilm or smollm2.
    layer : str
        The name of a linear layer.
    format : Format
        The format of the tiles.
    limit : int
        Passages that minilm reads, or windows of `WINDOW` tokens that smollm2 reads.

    Returns
    -------
    moments
        The moments.
    facts
        What they were measured on, as plain JSON.

    Raises
    ------
    InvalidInput
        If the model's package is not installed, or there is no such layer; the message has the nearest names.
    """
    network: nn.Module
    batches: Sequence[object]
    run: Callable[[object], object]
    if model == "smollm2":
        from stl_bench.networks.smollm2 import load_smollm2

        language = load_smollm2()
        network = language.model
        batches = language.windows("\n\n".join(prose(docstrings())), WINDOW, limit)
        run = lambda window: network(input_ids=window)  # noqa: E731
    else:
        from stl_bench.networks.minilm import load_minilm

        sentences = load_minilm()
        network = sentences.model
        batches = passages_of(TEXT, limit)
        run = lambda text: sentences.embed([str(text)])  # noqa: E731
    module = find_linear(network, layer)
    inputs = gather_moments({layer: module}, batches, run, lags=format.n)[layer]
    moments = layer_tile_moments(inputs, module.weight, format, f"{model} {layer}")
    facts = {
        "model": model,
        "layer": layer,
        "in_features": module.in_features,
        "out_features": module.out_features,
        "text": TEXT,
        "batches": len(batches),
        "rows": inputs.count,
    }
    return moments, facts


def find_linear(network: nn.Module, name: str) -> nn.Linear:
    """Find a linear layer by its name.

    Parameters
    ----------
    network : nn.Module
        The model.
    name : str
        The name.

    Returns
    -------
    nn.Linear
        The layer.

    Raises
    ------
    InvalidInput
        If there is no such layer; the message has the nearest names.

    Examples
    --------
    >>> find_linear(nn.ModuleDict({"up": nn.Linear(2, 2), "down": nn.Linear(2, 2)}), "upp")
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: the model has no linear layer 'upp'; the nearest names are up
    """
    layers = {path: module for path, module in network.named_modules() if is_linear(module)}
    if name not in layers:
        words = [path for path in layers if name and name in path][:4]
        near = list(dict.fromkeys([*get_close_matches(name, layers, n=4, cutoff=0.4), *words]))[:6] or list(layers)[:6]
        raise InvalidInput(f"the model has no linear layer {name!r}; the nearest names are {', '.join(near)}")
    found = layers[name]
    assert isinstance(found, nn.Linear)
    return found
