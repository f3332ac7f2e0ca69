"""A network converted by several methods, measured on held-out inputs, as plain JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from stl_algebra import InvalidInput, TileEncoder
from stl_bench.compression.conversions import Converted, Converter, Method
from stl_bench.compression.layer_errors import layer_errors
from stl_bench.environment import environment
from stl_bench.networks.network import Network
from stl_nn.memory_use import peak_memory
from stl_nn.recursion import composed_ratio


def network_of(name: str, limit: int | None = None, calibration: int | None = None) -> Network:
    """Load a network by name.

    Parameters
    ----------
    name : str
        minilm, smollm2 or digits-vit.
    limit : int or None
        The number of held-out batches, or None for the network's own choice.
    calibration : int or None
        The number of calibration batches, or None for the network's own choice.

    Returns
    -------
    Network
        The network.

    Raises
    ------
    InvalidInput
        If the name is another one, or the network's package is not installed.
    """
    if name == "minilm":
        from stl_bench.networks.sentence_network import SentenceNetwork

        return SentenceNetwork(limit, calibration)
    if name == "smollm2":
        from stl_bench.networks.language_network import LanguageNetwork

        return LanguageNetwork(limit, calibration)
    if name == "digits-vit":
        from stl_bench.networks.image_network import ImageNetwork

        return ImageNetwork(limit, calibration)
    raise InvalidInput(f"unknown network {name!r}; choose one of minilm, smollm2, digits-vit")


def measure_method(converter: Converter, method: Method) -> dict[str, Any]:
    """Convert a network by one method, and measure it.

    Parameters
    ----------
    converter : Converter
        What converts the network.
    method : Method
        The method.

    Returns
    -------
    dict[str, Any]
        Multiplications, figures, errors by layer, and the seconds that converting and measuring took. With a budget it
        also holds the rank of each layer; if layers were joined, the names of those that each joined layer stands for.
    """
    network = converter.network
    began = time.perf_counter()
    done = converter.convert(method)
    converted = time.perf_counter()
    figures = network.measure(done.model)
    errors = errors_by_layer(network, done)
    return {
        "method": method.label,
        "multiplications": done.multiplications,
        **figures,
        "layer_error_mean": sum(errors.values()) / len(errors) if errors else 0.0,
        "layer_error_max": max(errors.values(), default=0.0),
        "layers": errors,
        **({"ranks": dict(done.ranks)} if done.ranks else {}),
        **({"joined": {name: list(parts) for name, parts in done.parts.items()}} if done.parts else {}),
        "conversion_seconds": converted - began,
        "measurement_seconds": time.perf_counter() - converted,
    }


def errors_by_layer(network: Network, done: Converted) -> dict[str, float]:
    """Measure the relative output error of each converted layer, on the inputs that the dense network makes.

    Parameters
    ----------
    network : Network
        The network.
    done : Converted
        The converted copy.

    Returns
    -------
    dict[str, float]
        The errors by layer name. A layer that stands for several has the error of each.
    """
    names = [part for name in done.layers for part in done.parts.get(name, (name,))]
    stand_ins = {name: {"": done.model.get_submodule(name)} for name in names}
    batches, rows = [], 0
    for batch in network.held_out:
        if rows < network.layer_rows:
            batches.append(batch)
            rows += network.rows([batch])
    found = layer_errors(
        network.model, stand_ins, lambda model: [network.run(model, batch) for batch in batches] and None
    )
    return {name: by_method[""] for name, by_method in found.items()}


def bench(
    network: Network,
    encoder: TileEncoder | Sequence[TileEncoder],
    methods: Sequence[Method],
    seed: int = 0,
    say: Callable[[str], None] | None = None,
    budget: float | None = None,
    depth: int = 0,
    join: bool = True,
) -> dict[str, Any]:
    """Convert a network by several methods, and measure each.

    Baselines get as many multiplications as the encoder, or the budget, takes; 2:4 sparsity always takes half.

    Parameters
    ----------
    network : Network
        The network.
    encoder : TileEncoder or sequence of TileEncoder
        The encoder of all STL layers; with a budget, several to choose from for each layer.
    methods : sequence of Method
        The methods.
    seed : int
        The seed of the methods that sample.
    say : callable or None
        Called with each line of progress, or None.
    budget : float or None
        The share of the multiplications that calibrated STL layers may take together, or None.
    depth : int
        Levels of Strassen's scheme in the channels of STL layers.
    join : bool
        Whether one STL layer stands for several layers that read the same input.

    Returns
    -------
    dict[str, Any]
        Plain JSON: the figures by method, the errors by layer, a verdict, and the environment.

    Raises
    ------
    InvalidInput
        If a method does not apply.
    """
    began = time.perf_counter()
    encoders = [encoder] if isinstance(encoder, TileEncoder) else list(encoder)
    ratio = composed_ratio(encoders[0], depth) if budget is None else budget
    converter = Converter(network, encoder, ratio, seed, say, budget=budget, depth=depth, join=join)
    dense = network.measure(network.model)
    rows = [measure_method(converter, method) for method in methods]
    errors = {row["method"]: row.pop("layers") for row in rows}
    return {
        "tile": str(encoders[0].format),
        "rank": encoders[0].rank if budget is None else None,
        "multiplications": ratio,
        "budget": budget,
        "depth": depth,
        "encoder": about(encoders[0]) if budget is None else None,
        "ranks_offered": [one.rank for one in encoders],
        "text": {
            "source": network.text,
            network.unit: sum(len(b) if network.unit == "images" else 1 for b in network.held_out),
            "tokens": network.rows(network.held_out),
        },
        "calibration_text": {"source": network.calibration_text, "tokens": network.rows(network.calibration)},
        "dense": dense,
        "methods": rows,
        "layers": layer_rows(network.model, errors),
        "verdict": verdict(network, dense, rows),
        "seconds": time.perf_counter() - began,
        "peak_memory_bytes": peak_memory(),
        **environment(seed),
    }


def about(encoder: TileEncoder) -> dict[str, Any]:
    """Describe an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    dict[str, Any]
        Its id, format, rank, relative error and growth, as plain JSON.
    """
    return {
        "id": encoder.digest,
        "format": str(encoder.format),
        "rank": encoder.rank,
        "relative_error": encoder.relative_error,
        "growth": encoder.growth,
    }


def layer_rows(model: nn.Module, errors: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """List the layers that some method converted, in the model's order.

    Parameters
    ----------
    model : nn.Module
        The dense model.
    errors : Mapping[str, Mapping[str, float]]
        Errors by method and layer name.

    Returns
    -------
    list[dict[str, Any]]
        Name, shape and errors by method of each layer.
    """
    rows = []
    for name, module in model.named_modules():
        ours = {method: found[name] for method, found in errors.items() if name in found}
        if ours:
            shape = {"in_features": module.in_features, "out_features": module.out_features}
            rows.append({"name": name, **shape, "errors": ours})
    return rows


def verdict(network: Network, dense: Mapping[str, float], rows: Sequence[Mapping[str, Any]]) -> str:
    """Say in one sentence which method does best, and at how many multiplications.

    Parameters
    ----------
    network : Network
        The network.
    dense : Mapping[str, float]
        The figures of the dense network.
    rows : sequence of Mapping[str, object]
        The figures of each method.

    Returns
    -------
    str
        The sentence.
    """
    key, words, more = network.headline
    ordered = sorted(rows, key=lambda row: -float(row[key]) if more else float(row[key]))
    parts = [f"{row['method']} {row[key]:.4g} at {row['multiplications']:.0%}" for row in ordered]
    parts[0] += " of the multiplications"
    return f"{words[0].upper()}{words[1:]}: dense {dense[key]:.4g}; {'; '.join(parts)}."
