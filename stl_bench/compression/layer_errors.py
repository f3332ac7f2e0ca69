"""The relative output error of stand-ins for a network's layers, on the inputs the network itself makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


def layer_errors(
    model: nn.Module, stand_ins: Mapping[str, Mapping[str, nn.Module]], run: Callable[[nn.Module], object]
) -> dict[str, dict[str, float]]:
    """Measure ‖Ŷ − Y‖² / ‖XW‖² of stand-ins for the layers of a model.

    The bias is no part of the denominator: it costs no multiplication and would flatter every method. Sums run over
    all inputs, in float64; no input is kept.

    Parameters
    ----------
    model : nn.Module
        The model.
    stand_ins : Mapping[str, Mapping[str, nn.Module]]
        Modules by layer name and then by a name of their own.
    run : callable
        Runs the model on all inputs that it is to be measured on.

    Returns
    -------
    dict[str, dict[str, float]]
        The errors by layer name and then by stand-in.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 4))
    >>> layer_errors(model, {"0": {"same": model[0]}}, lambda m: m(torch.ones(3, 4)))
    {'0': {'same': 0.0}}
    """
    layers = dict(model.named_modules())
    energy = dict.fromkeys(stand_ins, 0.0)
    wrong = {name: dict.fromkeys(ours, 0.0) for name, ours in stand_ins.items()}

    def measure(name: str, layer: nn.Module, x: Tensor, y: Tensor) -> None:
        bias = getattr(layer, "bias", None)
        energy[name] += _energy(y if bias is None else y - bias)
        for method, stand_in in stand_ins[name].items():
            # A stand-in may be the layer itself, whose hooks must not run again.
            wrong[name][method] += _energy(stand_in.forward(x) - y)

    hooks = [
        layers[name].register_forward_hook(lambda layer, args, output, name=name: measure(name, layer, args[0], output))
        for name in stand_ins
    ]
    try:
        with torch.no_grad():
            run(model)
    finally:
        for hook in hooks:
            hook.remove()
    return {
        name: {method: value / energy[name] if energy[name] else 0.0 for method, value in ours.items()}
        for name, ours in wrong.items()
    }


def _energy(values: Tensor) -> float:
    return float(values.square().sum(dtype=torch.float64))
