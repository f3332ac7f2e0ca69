"""Every tensor of a model, where it stands, and what a file has for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from stl_algebra import InvalidInput
from stl_nn.cpu.memory import in_huge_pages
from stl_nn.matmul import FLOATING
from stl_nn.saving.blueprint import BUILD_ANEW
from stl_nn.saving.file import BUFFER, ModelFile
from stl_nn.saving.placement import StandIns


@dataclass(frozen=True)
class Slot:
    """Where a tensor is in a model: an attribute of a module, under one of the names it has.

    Parameters
    ----------
    name : str
        The tensor's name in the model.
    module : nn.Module
        Where it is.
    attribute : str
        Where it is.
    tensor : Tensor
        The tensor.
    persistent : bool
        Whether it is in the state_dict.
    layer : nn.Linear or None
        The nn.Linear that the layer that holds it is to replace, if any.
    """

    name: str
    module: nn.Module
    attribute: str
    tensor: Tensor
    persistent: bool
    layer: nn.Linear | None

    @property
    def stored(self) -> str:
        """The name in a file."""
        return self.name if self.persistent else BUFFER + self.name

    @property
    def device(self) -> torch.device:
        """Where the tensor is to be: where the one is that it replaces, and on the CPU for one on the meta device."""
        device = self.tensor.device if self.layer is None else self.layer.weight.device
        return torch.device("cpu") if device.type == "meta" else device


def slots_of(model: nn.Module, stand_ins: StandIns) -> Iterator[Slot]:
    """All tensors of a model as it will be with layers in place of others; shared ones under each of their names.

    Parameters
    ----------
    model : nn.Module
        The model.
    stand_ins : StandIns
        The layers, of `build_layers`.

    Returns
    -------
    iterator of Slot
        The tensors, module by module.

    Raises
    ------
    InvalidInput
        If a parameter has no shape yet.

    Examples
    --------
    >>> [slot.name for slot in slots_of(nn.Sequential(nn.Linear(2, 2)), {})]
    ['0.weight', '0.bias']
    """

    def walk(module: nn.Module, prefix: str, layer: nn.Linear | None) -> Iterator[Slot]:
        if id(module) in stand_ins:
            _, module, layer = stand_ins[id(module)]
        own = {**module._parameters, **module._buffers}
        for attribute, tensor in own.items():
            if tensor is None:
                continue
            if is_lazy(tensor):
                raise InvalidInput(f"{prefix + attribute!r} has no shape yet; run the model once before")
            persistent = attribute not in module._non_persistent_buffers_set
            yield Slot(prefix + attribute, module, attribute, tensor, persistent, layer)
        for key, child in module._modules.items():
            if child is not None:
                yield from walk(child, f"{prefix}{key}.", layer)

    return walk(model, "", None)


def copies_of(file: ModelFile, slots: list[Slot]) -> dict[int, Tensor]:
    """What a file has for each tensor of a model, copied to where it is to be.

    Parameters
    ----------
    file : ModelFile
        The file.
    slots : list of Slot
        The tensors.

    Returns
    -------
    dict
        Copies by the id of the tensor.

    Raises
    ------
    InvalidInput
        If the file and the model do not have the same tensors.
    """
    _check_names(file, slots)
    copies: dict[int, Tensor] = {}
    names: dict[int, str] = {}
    for slot in slots:
        name = slot.stored
        stored = file.get(name)
        if not slot.persistent and (stored is None or not _fits(stored, slot)):
            # Such a buffer the model makes by itself, of a size of its own perhaps.
            if slot.tensor.is_meta:
                raise InvalidInput(f"the buffer {slot.name!r} is on the meta device and not in the file; build it anew")
            continue
        assert stored is not None
        if not _fits(stored, slot):
            there = f"{_described(stored)} in the file and {_described(slot.tensor)} in the model"
            raise InvalidInput(f"{slot.name!r} is {there}; {BUILD_ANEW}")
        first = names.setdefault(id(slot.tensor), name)
        if first == name:
            copies[id(slot.tensor)] = _copied(file, name, slot)
        elif file.stored_as(first) != file.stored_as(name) and not torch.equal(copies[id(slot.tensor)].cpu(), stored):
            raise InvalidInput(f"{first!r} and {name!r} are one tensor in the model and two in the file; untie them")
    return copies


def fill(slots: Iterable[Slot], copies: Mapping[int, Tensor]) -> None:
    """Put copies in place.

    Parameters
    ----------
    slots : iterable of Slot
        Where tensors are.
    copies : mapping
        Of `copies_of`.
    """
    for slot in slots:
        if id(slot.tensor) in copies:
            setattr(slot.module, slot.attribute, copies[id(slot.tensor)])


def _check_names(file: ModelFile, slots: list[Slot]) -> None:
    """Raise InvalidInput if the file and the model do not have the same tensors."""
    expected = {slot.name for slot in slots if slot.persistent}
    if missing := expected - file.names:
        raise InvalidInput(f"it holds no tensor {min(missing)!r}, which the model needs; {BUILD_ANEW}, or save it anew")
    if odd := file.names - expected:
        raise InvalidInput(f"the model has no place for its tensor {min(odd)!r}; {BUILD_ANEW}")


def _fits(stored: Tensor, slot: Slot) -> bool:
    """Whether a tensor may be that of a slot: of its shape, and of its dtype, or another one of real numbers."""
    if stored.shape != slot.tensor.shape:
        return False
    if not slot.tensor.is_floating_point():
        return stored.dtype == slot.tensor.dtype
    return stored.dtype in FLOATING if slot.layer is not None else stored.is_floating_point()


def _copied(file: ModelFile, name: str, slot: Slot) -> Tensor:
    copied = file.copy(name, slot.device)
    if slot.attribute == "encoded_weight" and copied.is_contiguous():
        copied = in_huge_pages(copied)
    if isinstance(slot.tensor, nn.Parameter):
        return nn.Parameter(copied, requires_grad=slot.tensor.requires_grad)
    return copied


def _described(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
