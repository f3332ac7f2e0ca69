"""Saving a converted model to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from stl_algebra import InvalidInput
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.encoder_module import can_share
from stl_nn.linear import STLLinear
from stl_nn.saving.blueprint import EncoderBlueprint, ModelBlueprint
from stl_nn.saving.file import BUFFER, write_model
from stl_nn.saving.layer_blueprint import check_layer
from stl_nn.saving.placement import placed_layers
from stl_nn.saving.slots import slots_of


def save_converted(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Save a converted model, all of it, as one safetensors file that `load_converted` reads.

    The model may mix layers as it likes: converted with any options, calibrated, joined, grouped, 1×1 convolutions,
    trained on, or left dense. Tensors that are one under several names are written once. The file is written whole or
    not at all. No code is in it, so the architecture must be built anew to load it.

    Parameters
    ----------
    model : nn.Module
        The converted model.
    path : str or os.PathLike[str]
        The file to write.

    Raises
    ------
    InvalidInput
        By name, for a model without STL layers, for layers of other methods, for a parameter on the meta device, for
        state that is no tensor, and if the file cannot be written.

    Examples
    --------
    >>> import tempfile, torch
    >>> from stl_algebra import strassen
    >>> from stl_nn import convert, load_converted
    >>> model, again = nn.Sequential(nn.Linear(8, 8)), nn.Sequential(nn.Linear(8, 8))
    >>> _ = convert(model, strassen())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_converted(model, f"{folder}/model.safetensors")
    ...     load_converted(again, f"{folder}/model.safetensors")
    ['0']
    >>> bool((again(torch.eye(8)) == model(torch.eye(8))).all())
    True
    """
    try:
        for name, module in model.named_modules():
            if isinstance(module, STLLinear | CalibratedLinear):
                check_layer(name, module)
        layers = {name: module for name, module in model.named_modules() if isinstance(module, STLLinear)}
        encoders = {layer.encoder.digest: layer.encoder for layer in layers.values()}
        described = {digest: EncoderBlueprint.of(encoder) for digest, encoder in encoders.items()}
        blueprint = ModelBlueprint(placed_layers(model), _groups(layers), described)
        write_model(Path(path), blueprint, _tensors_of(model), encoders)
    except InvalidInput as error:
        raise InvalidInput(f"{type(model).__name__} cannot be saved to {path}: {error}") from None


def _groups(layers: Mapping[str, STLLinear]) -> tuple[tuple[str, ...], ...]:
    """The names of layers that share an encoded input, in the order that they were grouped in."""
    groups: dict[int, list[tuple[int, str]]] = {}
    for name, layer in layers.items():
        if layer._shared is not None:
            groups.setdefault(id(layer._shared), []).append((layer._member, name))
    named = tuple(tuple(name for _, name in sorted(group)) for group in groups.values())
    for group in named:
        if reason := can_share([layers[name] for name in group]):
            raise InvalidInput(f"layers {', '.join(map(repr, group))} share an encoded input, but {reason}")
    return named


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """What is written of a model, by the names in the file."""
    tensors: dict[str, Tensor] = {}
    for slot in slots_of(model, {}):
        if slot.tensor.is_meta:
            raise InvalidInput(f"{slot.name!r} is on the meta device and holds no numbers; load the model first")
        tensors[slot.stored] = slot.tensor.detach()
    if odd := model.state_dict().keys() ^ {name for name in tensors if not name.startswith(BUFFER)}:
        raise InvalidInput(
            f"{min(odd)!r} of its state is no parameter or buffer of a module; keep the model by torch.save"
        )
    return tensors
