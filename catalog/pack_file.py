"""All encoders of one format as one safetensors file: a tensor each, and their records in the header.

The tensor of an encoder of format ⟨n,m,p⟩ and rank r is the matrix (E_X | E_W | Dᵀ) of shape (r, n·m + m·p + n·p). Its
name is the encoder's id. If all its entries are fractions over the encoder's denominators, the file holds their
numerators, in the smallest integer type that takes them; any other tensor is float64. The metadata key `stl-pack` holds
a JSON object: schema, format, and a record for each id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from catalog.encoder_file import DamagedFile, Stored, believed, check_size, record
from catalog.provenance import Provenance
from catalog.schema import SCHEMA, upgrade
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring, numerators

#: The metadata key that holds the JSON object.
KEY = "stl-pack"
#: How the names of such files end; what comes before is the format.
SUFFIX = ".pack.safetensors"
#: Larger files are refused before they are read.
MAX_FILE_BYTES = 1 << 30

#: What a record holds besides the id, which is its key, and the schema and format, which all share.
_FIELDS = ("rank", "ring", "denominators", "relative_error", "growth", "provenance")
_DTYPES = ("I8", "I16", "I32", "I64", "F64")


@dataclass(frozen=True, eq=False)
class Member:
    """One encoder as it lies in the file, not proved.

    Parameters
    ----------
    record : mapping
        Its record, without what all records of the file share.
    values : numpy.ndarray
        Its tensor, of shape (r, n·m + m·p + n·p).
    """

    record: Mapping[str, Any]
    values: np.ndarray


def file_name(format: Format) -> str:
    """Give the name of the file of a format.

    Parameters
    ----------
    format : Format
        The format.

    Returns
    -------
    str
        The name.

    Examples
    --------
    >>> file_name(Format(2, 3, 4))
    '2x3x4.pack.safetensors'
    """
    return f"{format}{SUFFIX}"


def is_pack(name: str) -> bool:
    """Whether a file's name is that of a pack.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        Whether it is.

    Examples
    --------
    >>> is_pack("2x3x4.pack.safetensors")
    True
    """
    return name.endswith(SUFFIX) and not name.startswith(".")


def member(encoder: TileEncoder, provenance: Provenance) -> Member:
    """Give an encoder as it is stored: the same encoder and provenance give the same member.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    provenance : Provenance
        Where it came from.

    Returns
    -------
    Member
        Its record and tensor.
    """
    fields = record(encoder, provenance)
    return Member({name: fields[name] for name in _FIELDS}, _stacked(encoder))


def write(format: Format, members: Mapping[str, Member]) -> bytes:
    """Give the bytes of a file; the same members give the same bytes, in whatever order they come.

    Parameters
    ----------
    format : Format
        The format of all of them.
    members : mapping of str to Member
        The encoders by id.

    Returns
    -------
    bytes
        A safetensors file.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> one = member(strassen(), Provenance("construction"))
    >>> len(write(Format(2, 2, 2), {strassen().digest: one})) < 1000
    True
    """
    records = {id: one.record for id, one in members.items()}
    content = {"schema": SCHEMA, "format": list(format), "encoders": records}
    text = json.dumps(content, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return save({id: members[id].values for id in sorted(members)}, metadata={KEY: text})


def read_records(path: Path) -> dict[str, dict[str, Any]]:
    """Read the records of all encoders in a file, without a tensor.

    Figures are those that the file claims: of the right kind, but not recomputed.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict of str to dict
        The whole records by id, in today's schema.

    Raises
    ------
    DamagedFile
        If the header is not sound, or does not fit the tensors.
    OSError
        If the file cannot be read.
    """
    with _opened(path) as file:
        records = _records(file, path)
        for id, fields in records.items():
            try:
                _check_claims(fields)
                _check_tensor(file, fields)
            except DamagedFile as error:
                raise DamagedFile(f"encoder {id[:10]}: {error}") from None
            except (InvalidInput, KeyError, TypeError, ValueError, AttributeError) as error:
                raise DamagedFile(f"the record of encoder {id[:10]} is not that of an encoder: {error}") from None
        if strangers := set(file.keys()) - records.keys():
            raise DamagedFile(f"its tensor {min(strangers)[:64]!r} has no record")
    return records


def read_encoder(path: Path, fields: Mapping[str, Any]) -> Stored:
    """Read one encoder of a file: every figure is recomputed, the ring proved again.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    fields : mapping
        The encoder's record, from `read_records`.

    Returns
    -------
    Stored
        The encoder and its provenance.

    Raises
    ------
    DamagedFile
        If it is not the encoder it claims to be.
    OSError
        If the file cannot be read.
    """
    with _opened(path) as file:

        def tensors(format: Format, rank: int) -> dict[str, np.ndarray]:  # noqa: ARG001  # as the record says
            _check_tensor(file, fields)
            return _split(file.get_tensor(fields["id"]), format, fields["denominators"])

        return believed(fields, tensors)


def read_members(path: Path) -> dict[str, Member]:
    """Read all encoders of a file as they lie there, to be written again.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    dict of str to Member
        The encoders by id.

    Raises
    ------
    DamagedFile
        If the header is not sound, or does not fit the tensors.
    OSError
        If the file cannot be read.
    """
    records = read_records(path)
    with _opened(path) as file:
        return {
            id: Member({name: fields[name] for name in _FIELDS}, file.get_tensor(id)) for id, fields in records.items()
        }


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The safetensors file at a path. Raises DamagedFile where it is none."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DamagedFile(f"it has more than {MAX_FILE_BYTES} bytes")
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise DamagedFile(f"safetensors refuses it, perhaps truncated: {error}") from None


def _records(file: Any, path: Path) -> dict[str, dict[str, Any]]:
    """The records by id, each with the fields that all share, in the schema of today."""
    text = (file.metadata() or {}).get(KEY)
    if text is None:
        raise DamagedFile(f"it is no file of encoders: the metadata key {KEY!r} is missing")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise DamagedFile(f"its metadata key {KEY!r} is not JSON") from None
    encoders = content.get("encoders") if isinstance(content, dict) else None
    if not isinstance(encoders, dict) or not all(isinstance(fields, dict) for fields in encoders.values()):
        raise DamagedFile(f"its metadata key {KEY!r} holds no records of encoders")
    shared = {"schema": content.get("schema"), "format": content.get("format")}
    try:
        if path.name != file_name(Format(*shared["format"])):
            raise DamagedFile(f"its name is not that of its content, {file_name(Format(*shared['format']))}")
        return {id: upgrade(fields | shared | {"id": id}) for id, fields in encoders.items()}
    except TypeError:
        raise DamagedFile(f"its format {str(shared['format'])[:40]} is not three positive integers") from None
    except InvalidInput as error:
        raise DamagedFile(str(error)) from None


def _check_claims(fields: Mapping[str, Any]) -> None:
    """Raise DamagedFile, or another error, where fields are not of their kind."""
    if type(fields["rank"]) is not int or fields["rank"] < 1:
        raise DamagedFile(f"its rank {fields['rank']!r} is not a positive integer")
    check_size(Format(*fields["format"]), fields["rank"])
    Ring.parse(fields["ring"])
    Provenance.from_json(fields["provenance"])
    for name in ("relative_error", "growth"):
        if type(fields[name]) not in (int, float) or not isfinite(fields[name]):
            raise DamagedFile(f"its {name} {str(fields[name])[:40]} is not a finite number")


def _check_tensor(file: Any, fields: Mapping[str, Any]) -> None:
    """Raise DamagedFile where the tensor of an encoder is missing, or of another shape or type than it should be."""
    try:
        part = file.get_slice(fields["id"])
    except SafetensorError:
        raise DamagedFile("it has no tensor") from None
    shape = [fields["rank"], sum(Format(*fields["format"]).sizes)]
    if part.get_dtype() not in _DTYPES or list(part.get_shape()) != shape:
        raise DamagedFile(f"its tensor is {part.get_dtype()} of shape {part.get_shape()}, not numbers of shape {shape}")


def _stacked(encoder: TileEncoder) -> np.ndarray:
    """(E_X | E_W | Dᵀ) as numerators where there are any, else in float64."""
    parts = [numerators(factor, q) for factor, q in zip(encoder.factors, encoder.denominators, strict=True)]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return np.ascontiguousarray(np.hstack(encoder.factors))
    stacked = np.ascontiguousarray(np.hstack(found))
    largest = float(np.abs(stacked).max())
    kinds = (np.int8, np.int16, np.int32)
    return stacked.astype(next((kind for kind in kinds if largest <= np.iinfo(kind).max), np.int64))


def _split(values: np.ndarray, format: Format, denominators: tuple[int, int, int]) -> dict[str, np.ndarray]:
    """encode_x, encode_w and decode of a stacked tensor."""
    parts = np.split(values, np.cumsum(format.sizes)[:2], axis=1)
    if values.dtype != np.float64:
        parts = [part / q for part, q in zip(parts, denominators, strict=True)]
    return {"encode_x": parts[0], "encode_w": parts[1], "decode": parts[2].T}
