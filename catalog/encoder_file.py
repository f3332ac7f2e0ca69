"""One encoder as the bytes of a safetensors file, and back, with nothing taken on trust."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose, isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from catalog.provenance import Provenance
from catalog.schema import SCHEMA, upgrade
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import PRECISIONS
from stl_algebra.ring import Ring
from stl_algebra.tensor import MAX_PRODUCTS

#: The names and parts of a file's tensors; safetensors itself names no types.
_deserialized: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = deserialize

#: The metadata key that holds the JSON record.
KEY = "stl"
#: Larger files and headers are refused before they are read.
MAX_FILE_BYTES = 1 << 28
MAX_HEADER_BYTES = 1 << 20
#: r · nm · mp, the entries of the largest array that recomputing the error needs, may not exceed this.
MAX_WORK = 1 << 26

#: Bump when `stl_algebra.error_at_precision` changes: errors stored under another model are not compared.
ERROR_MODEL = 1


class DamagedFile(InvalidInput):
    """A file that is not the encoder it claims to be; the text says why, in one sentence without the path."""


@dataclass(frozen=True)
class Stored:
    """What a file holds, recomputed and proved.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    provenance : Provenance
        Where it came from.
    """

    encoder: TileEncoder
    provenance: Provenance


def pack(encoder: TileEncoder, provenance: Provenance) -> bytes:
    """Give the bytes of an encoder's file: three float64 tensors, and the record in the header.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder: encode_x (r, n·m), encode_w (r, m·p), decode (n·p, r).
    provenance : Provenance
        Where it came from.

    Returns
    -------
    bytes
        A safetensors file; the same encoder and provenance give the same bytes.

    Raises
    ------
    InvalidInput
        If the encoder or its provenance is too large for a catalog, or its figures overflow.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> unpack(pack(strassen(), Provenance("construction"))).encoder == strassen()
    True
    """
    check_size(encoder.format, encoder.rank)
    _check_finite(encoder)
    tensors = {"encode_x": encoder.encode_x, "encode_w": encoder.encode_w, "decode": encoder.decode}
    contiguous = {name: np.ascontiguousarray(values, dtype="<f8") for name, values in tensors.items()}
    text = json.dumps(record(encoder, provenance), sort_keys=True, allow_nan=False)
    content = save(contiguous, metadata={KEY: text})
    if int.from_bytes(content[:8], "little") > MAX_HEADER_BYTES:
        raise InvalidInput(f"the provenance takes more than the {MAX_HEADER_BYTES} bytes a file's header may have")
    return content


def record(encoder: TileEncoder, provenance: Provenance) -> dict[str, Any]:
    """Give the JSON record that stands beside the tensors.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    provenance : Provenance
        Where it came from.

    Returns
    -------
    dict
        Schema, id, format, rank, ring, all figures, and the provenance.
    """
    return {
        "schema": SCHEMA,
        "id": encoder.digest,
        "format": list(encoder.format),
        "rank": encoder.rank,
        "ring": str(encoder.ring),
        "denominators": list(encoder.denominators),
        "relative_error": encoder.relative_error,
        "growth": encoder.growth,
        "error_model": ERROR_MODEL,
        "errors": {name: encoder.error_at(name) for name in PRECISIONS},
        "provenance": provenance.as_json(),
    }


def read(path: Path) -> Stored:
    """Read and prove a file.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    Stored
        The encoder and its provenance.

    Raises
    ------
    DamagedFile
        If it is no sound encoder.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size > MAX_FILE_BYTES:
            raise DamagedFile(f"it has {size} bytes, more than any encoder file ({MAX_FILE_BYTES})")
        file.seek(0)
        return unpack(file.read(MAX_FILE_BYTES))


def unpack(content: bytes) -> Stored:
    """Read the encoder in a file's bytes: every figure is recomputed, the ring proved again.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    Stored
        The encoder and its provenance.

    Raises
    ------
    DamagedFile
        If the header is not sound, shapes do not fit, an entry is not finite, the Brent equations claimed do not hold,
        or a recorded figure is not the recomputed one.
    """
    return believed(_record_of(content), lambda format, rank: _tensors_of(content, format, rank))


def believed(claimed: Mapping[str, Any], tensors: Callable[[Format, int], Mapping[str, np.ndarray]]) -> Stored:
    """Make the encoder that a record claims: every figure is recomputed from its tensors, the ring proved again.

    Parameters
    ----------
    claimed : mapping
        The record, in any schema up to today's.
    tensors : callable
        Gives encode_x, encode_w and decode by name for a format and rank. It raises InvalidInput if it has none.

    Returns
    -------
    Stored
        The encoder and its provenance.

    Raises
    ------
    DamagedFile
        As `unpack`.
    """
    try:
        fields = upgrade(dict(claimed))
        format, rank = Format(*fields["format"]), fields["rank"]
        ring = Ring.parse(fields["ring"])
        denominators = tuple(fields["denominators"])
        if len(denominators) != 3 or not all(type(d) is int and 1 <= d < 2**53 for d in denominators):
            raise DamagedFile(f"its denominators {list(denominators)} are not three positive integers below 2^53")
        if type(rank) is not int or rank < 1:
            raise DamagedFile(f"its rank {rank!r} is not a positive integer")
        check_size(format, rank)
        provenance = Provenance.from_json(fields["provenance"])
        with np.errstate(over="ignore", invalid="ignore"):  # a proof may be asked of numbers that overflow
            encoder = TileEncoder(format, **tensors(format, rank), ring=ring, denominators=denominators)
        _check_finite(encoder)
        _compare(fields, encoder)
    except DamagedFile:
        raise
    except InvalidInput as error:
        raise DamagedFile(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedFile(f"its record is not that of an encoder ({type(error).__name__}: {error})") from None
    return Stored(encoder, provenance)


def _record_of(content: bytes) -> dict[str, Any]:
    """The record in the safetensors header, which is 8 bytes of length, then JSON."""
    if len(content) < 8:
        raise DamagedFile(f"it is truncated: {len(content)} bytes are no safetensors file")
    length = int.from_bytes(content[:8], "little")
    if length > MAX_HEADER_BYTES:
        raise DamagedFile(f"its header claims {length} bytes, more than the {MAX_HEADER_BYTES} allowed")
    if length > len(content) - 8:
        raise DamagedFile(f"it is truncated: the header claims {length} bytes, the file has {len(content) - 8} more")
    try:
        header = json.loads(content[8 : 8 + length].decode("utf-8"))
    except (ValueError, RecursionError):
        raise DamagedFile("its safetensors header is not JSON") from None
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    text = metadata.get(KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise DamagedFile(f"it is no encoder file: the metadata key {KEY!r} is missing")
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise DamagedFile(f"its metadata key {KEY!r} is not JSON") from None
    if not isinstance(fields, dict):
        raise DamagedFile(f"its metadata key {KEY!r} is no JSON object")
    return fields


def _tensors_of(content: bytes, format: Format, rank: int) -> dict[str, np.ndarray]:
    """The three tensors as arrays; safetensors itself checks that their spans cover the file exactly."""
    in_x, in_w, out = format.sizes
    shapes = {"encode_x": [rank, in_x], "encode_w": [rank, in_w], "decode": [out, rank]}
    try:
        tensors = dict(_deserialized(content))
    except (SafetensorError, ValueError, OverflowError) as error:
        raise DamagedFile(f"safetensors refuses it, perhaps truncated: {error}") from None
    if set(tensors) != set(shapes):
        raise DamagedFile(f"it holds the tensors {sorted(tensors)}, not {sorted(shapes)}")
    for name, shape in shapes.items():
        if tensors[name]["dtype"] != "F64":
            raise DamagedFile(f"{name} is stored as {tensors[name]['dtype']}, not as F64")
        if list(tensors[name]["shape"]) != shape:
            found = list(tensors[name]["shape"])
            raise DamagedFile(f"{name} has shape {found}; format {format} and rank {rank} need {shape}")
    return {n: np.frombuffer(bytes(tensors[n]["data"]), dtype="<f8").reshape(s) for n, s in shapes.items()}


def _compare(fields: dict[str, Any], encoder: TileEncoder) -> None:
    """Every stored figure against the recomputed one, with room for another machine's rounding."""
    if fields["id"] != encoder.digest:
        raise DamagedFile(f"its content has the id {encoder.digest[:16]}…, not the {str(fields['id'])[:16]}… recorded")
    room = 1e-13 * sqrt(encoder.growth)
    pairs = {
        "relative_error": (fields["relative_error"], encoder.relative_error),
        "growth": (fields["growth"], encoder.growth),
    }
    if fields.get("error_model") == ERROR_MODEL:
        errors = fields["errors"]
        pairs |= {f"error at {name}": (errors[name], encoder.error_at(name)) for name in PRECISIONS if name in errors}
    for name, (stored, computed) in pairs.items():
        if not isclose(stored, computed, rel_tol=1e-6, abs_tol=room):
            raise DamagedFile(f"its {name} is recorded as {stored:.6g} and recomputed as {computed:.6g}")


def _check_finite(encoder: TileEncoder) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if not (isfinite(encoder.growth) and isfinite(encoder.relative_error)):
            raise DamagedFile("its entries are so large that its growth or relative error overflows")


def check_size(format: Format, rank: int) -> None:
    """Refuse what would take too much memory or time to recompute.

    Parameters
    ----------
    format : Format
        The format.
    rank : int
        The number of products r.

    Raises
    ------
    DamagedFile
        If an encoder of this format and rank is larger than a catalog takes.
    """
    in_x, in_w, _ = format.sizes
    if format.products > MAX_PRODUCTS or rank > format.products or rank * in_x * in_w > MAX_WORK:
        raise DamagedFile(f"format {format} with rank {rank} is larger than a catalog takes")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
