"""A converted model as one safetensors file: its tensors, what its layers are, and their encoders.

    the model's own names   its parameters and buffers, each tensor once
    .buffer.NAME            buffers that are not in its state_dict, such as tables of positions: they are computed with
    .encoder.DIGEST.NAME    encode_x, encode_w and decode of each encoder, float64, as `TileEncoder` has them

No name of a model begins with a dot, so none is taken. The one metadata key, `stl`, holds the `Record` as JSON. Ring
and denominators of the encoders stand there, so that an exact one is exact again: reading it proves it anew.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from catalog.durable import TEMPORARY_PREFIX, sync_folder
from catalog.encoder_file import check_size
from stl_algebra import Format, InvalidInput, TileEncoder
from stl_algebra.ring import Ring
from stl_nn.encoder_module import ENCODER_NAMES
from stl_nn.saving.blueprint import EncoderBlueprint, ModelBlueprint
from stl_nn.saving.layer_blueprint import Written

Kind = TypeVar("Kind")

#: The metadata key of the record.
KEY = "stl"
#: The version that is written, and the one that is read.
VERSION = 1

BUFFER, ENCODER = ".buffer.", ".encoder."


class Record(Written, frozen=True):
    """What stands beside the tensors.

    Parameters
    ----------
    version : int
        Of the file.
    model : ModelBlueprint
        What its layers are.
    tied : dict
        Names of tensors that are another one under its name.
    layouts : dict
        The axes, outermost first, as they lie in memory, of tensors whose axes do not lie in order.
    """

    version: int
    model: ModelBlueprint
    tied: dict[str, str]
    layouts: dict[str, tuple[int, ...]]


def write_model(
    path: Path, blueprint: ModelBlueprint, tensors: Mapping[str, Tensor], encoders: Mapping[str, TileEncoder]
) -> None:
    """Write a model: whole, or if this fails not at all.

    Parameters
    ----------
    path : Path
        The file.
    blueprint : ModelBlueprint
        What its layers are.
    tensors : mapping
        Its tensors by the names in the file; one that has several names is written once.
    encoders : mapping
        The encoders of its layers by digest.

    Raises
    ------
    InvalidInput
        If safetensors has no type for a tensor, or the file cannot be written.
    """
    kept: dict[tuple[object, ...], str] = {}
    tied: dict[str, str] = {}
    layouts: dict[str, tuple[int, ...]] = {}
    written: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided:
            raise InvalidInput(f"{name!r} is a sparse tensor, and safetensors has dense ones only; make it dense")
        place = tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()
        first = kept.setdefault(place if tensor.numel() else (name,), name)
        if first != name:
            tied[name] = first
            continue
        if order := _order_in_memory(tensor):
            layouts[name] = order
        written[name] = tensor.detach().cpu().contiguous()
    record = msgspec.json.encode(Record(VERSION, blueprint, tied, layouts)).decode()
    _decoded(record, Record)  # what could not be read is not written
    for digest, encoder in encoders.items():
        check_size(encoder.format, encoder.rank)
        for name in ENCODER_NAMES:
            written[f"{ENCODER}{digest}.{name}"] = torch.from_numpy(getattr(encoder, name).copy())
    try:
        _save(path, _apart(written), record)
    except (OSError, SafetensorError) as error:
        raise InvalidInput(f"the file cannot be written: {_reason(error)}") from error
    except KeyError as error:
        raise InvalidInput(f"safetensors has no type for {error.args[0]}") from error


@dataclass(frozen=True)
class ModelFile:
    """What is in a file, its record and encoders checked. Tensors stay on disk.

    Parameters
    ----------
    record : Record
        What stands beside the tensors.
    encoders : mapping
        The encoders by digest, each proved.
    _tensors : mapping
        The tensors by the name they are stored under.
    """

    record: Record
    encoders: Mapping[str, TileEncoder]
    _tensors: Mapping[str, Tensor]

    @property
    def names(self) -> set[str]:
        """The names of the model's tensors, all names of each."""
        return {name for name in self._tensors if not name.startswith(".")} | {
            name for name in self.record.tied if not name.startswith(".")
        }

    def stored_as(self, name: str) -> str:
        """The name that a tensor is stored under.

        Parameters
        ----------
        name : str
            Any of its names.

        Returns
        -------
        str
            The name.
        """
        return self.record.tied.get(name, name)

    def get(self, name: str) -> Tensor | None:
        """The tensor of a name, as the file has it, to be copied, not kept; None if it has none.

        Parameters
        ----------
        name : str
            Any of its names.

        Returns
        -------
        Tensor or None
            The tensor, or None.
        """
        return self._tensors.get(self.stored_as(name))

    def copy(self, name: str, device: torch.device) -> Tensor:
        """A copy of a tensor, laid out in memory as it was saved.

        Parameters
        ----------
        name : str
            The name of a tensor that is there.
        device : device
            Where the copy is to be.

        Returns
        -------
        Tensor
            The copy.

        Raises
        ------
        InvalidInput
            If its layout is no order of its axes.
        """
        stored = self._tensors[self.stored_as(name)]
        order = self.record.layouts.get(self.stored_as(name), tuple(range(stored.dim())))
        if sorted(order) != list(range(stored.dim())):
            raise InvalidInput(f"the axes {list(order)} of {name!r} are no order of {stored.dim()} axes")
        return torch.empty_permuted(stored.shape, order, dtype=stored.dtype, device=device).copy_(stored)


def read_model(path: Path) -> ModelFile:
    """Read a file of `write_model`.

    Parameters
    ----------
    path : Path
        The file. Messages leave out its name; the caller adds it.

    Returns
    -------
    ModelFile
        What is in the file.

    Raises
    ------
    InvalidInput
        If it is no such file, or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, AttributeError) as error:
        raise InvalidInput(f"it cannot be read: {_reason(error)}") from error
    if text is None:
        raise InvalidInput(f"it is no file of save_converted: the metadata key {KEY!r} is missing")
    if (version := _decoded(text, _Version).version) > VERSION:
        raise InvalidInput(
            f"it was written in version {version}, newer than {VERSION}; update strassen-tile to read it"
        )
    record = _decoded(text, Record)
    if record.version != VERSION:
        raise InvalidInput(f"its version {record.version} is not {VERSION}")
    for name, kept in record.tied.items():
        if name in tensors or kept not in tensors:
            raise InvalidInput(f"it says that {name!r} is {kept!r}, which its tensors contradict")
    encoders = {digest: _encoder(digest, one, tensors) for digest, one in record.model.encoders.items()}
    return ModelFile(record, encoders, tensors)


class _Version(msgspec.Struct):
    """The one field of a record that all versions have."""

    version: int


def _decoded(text: str, kind: type[Kind]) -> Kind:
    """A JSON text as what it is to be: every field there and of its type, and no other."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        words = str(error) or "it is nested too deeply"
        raise InvalidInput(f"its record cannot be read: {words[0].lower()}{words[1:]}") from None


def _encoder(digest: str, blueprint: EncoderBlueprint, tensors: Mapping[str, Tensor]) -> TileEncoder:
    """The encoder of a digest, proved. Raises InvalidInput if the file does not hold it."""
    try:
        if len(blueprint.format) != 3 or len(blueprint.denominators) != 3:
            raise InvalidInput("its format and denominators are not three numbers each")
        factors = []
        for name in ENCODER_NAMES:
            factor = tensors.get(f"{ENCODER}{digest}.{name}")
            if factor is None or factor.dtype != torch.float64 or factor.dim() != 2:
                raise InvalidInput(f"its {name} is no float64 matrix in the file")
            factors.append(factor)
        format = Format(*blueprint.format)
        check_size(format, len(factors[0]))
        ring = Ring.parse(blueprint.ring)
        n, m, p = blueprint.denominators
        x, w, d = factors
        encoder = TileEncoder(format, x.numpy(), w.numpy(), d.numpy(), ring, (n, m, p))
        if encoder.digest != digest:
            raise InvalidInput("its content has another digest")
    except InvalidInput as error:
        raise InvalidInput(f"encoder {digest[:16]!r} is damaged, {error}") from None
    return encoder


def _order_in_memory(tensor: Tensor) -> tuple[int, ...]:
    """The axes, outermost first, of a tensor that is dense in memory in another order than its axes'; else none."""
    order = sorted(range(tensor.dim()), key=lambda axis: tensor.stride()[axis], reverse=True)
    in_order = order == sorted(order) or not tensor.permute(order).is_contiguous()
    return () if in_order else tuple(order)


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors with those copied that lie within memory of another one's."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        memory = tensor.untyped_storage().data_ptr()
        if memory in seen:
            tensors[name] = tensor.clone()
        seen.add(memory)
    return tensors


def _save(path: Path, tensors: dict[str, Tensor], record: str) -> None:
    """Save in a file beside and rename that, so that nothing half-written ever bears the name."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        temporary.touch(exist_ok=False)
        allowed = temporary.stat().st_mode  # safetensors makes files that their owner alone may read
        save_file(tensors, temporary, {KEY: record})
        temporary.chmod(allowed)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or (error.args[0] if error.args else type(error).__name__))
