"""Loading a converted model from a file into the dense architecture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import nn

from stl_algebra import InvalidInput
from stl_nn.calibration.calibrated_linear import CalibratedLinear
from stl_nn.linear import STLLinear
from stl_nn.replacement import put_in_place
from stl_nn.saving.file import ModelFile, read_model
from stl_nn.saving.layer_blueprint import check_layer
from stl_nn.saving.placement import build_layers
from stl_nn.saving.slots import copies_of, fill, slots_of


def load_converted(model: nn.Module, path: str | os.PathLike[str]) -> list[str]:
    """Make a dense model, in place, the converted one of a file: the same layers, the same outputs to the last bit.

    A file may come from anywhere: it is data, and nothing in it is run. See `save_converted` for an example.

    Parameters
    ----------
    model : nn.Module
        The dense architecture that was converted, whatever its weights. Those on the meta device come to be on the CPU.
    path : str or os.PathLike[str]
        The file.

    Returns
    -------
    list of str
        The names of the layers put in, those of joined layers as `join_layers` names them.

    Raises
    ------
    InvalidInput
        If the file is none of `save_converted` or damaged, the model is converted already, or a layer or tensor of the
        file has no place in the model, or one of another shape. The model is untouched then.

    Notes
    -----
    Tensors have the dtypes saved and the devices of those they replace. They are new ones, so make an optimizer
    afterwards. What learns is what would in the model: parameters of a layer have the requires_grad of the layer
    replaced, as in a conversion, and all others keep theirs, as layers keep their training mode. Encoders that were
    learned or fitted are what they had become; exact ones are proved anew.
    """
    try:
        return _load(model, read_model(Path(path)))
    except InvalidInput as error:
        raise InvalidInput(f"{path} cannot be loaded into {type(model).__name__}: {error}") from None


def _load(model: nn.Module, file: ModelFile) -> list[str]:
    stand_ins = build_layers(model, file.record.model.layers, file.encoders)
    slots = list(slots_of(model, stand_ins))
    copies = copies_of(file, slots)
    new = [slot for slot in slots if slot.layer is not None]
    fill(new, copies)
    modules = {slot.name.rpartition(".")[0]: slot.module for slot in new}
    for name, module in modules.items():
        if isinstance(module, STLLinear | CalibratedLinear):
            check_layer(name, module)
    _group(file.record.model.groups, modules)
    # The model is what it was so far, and nothing from here on can fail.
    for old, replacement, _ in stand_ins.values():
        put_in_place(model, old, replacement.train(old.training))
    fill((slot for slot in slots if slot.layer is None), copies)
    return list(file.record.model.layers)


def _group(groups: Iterable[tuple[str, ...]], modules: Mapping[str, nn.Module]) -> None:
    """Let layers share an encoded input that did."""
    for group in groups:
        layers = [module for name in group if isinstance(module := modules.get(name), STLLinear)]
        if len(layers) != len(group):
            raise InvalidInput(f"the group of {', '.join(map(repr, group))} is not all of STLLinear layers of the file")
        STLLinear.group(layers)
