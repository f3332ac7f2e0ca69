"""Moments of tiles as a safetensors file, and back, with nothing taken on trust."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from threadpoolctl import threadpool_limits

from catalog.durable import write_atomically
from catalog.origin import plain
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.moments import TileMoments

#: The metadata key of the JSON record, which holds the version, the format and the source in words.
KEY = "stl-moments"
SCHEMA = 1
#: Larger files are refused before they are read.
MAX_FILE_BYTES = 1 << 28

_NEEDED, _OPTIONAL = ("second_x", "second_w"), ("mean_x", "mean_w")


def write_moments(path: Path, moments: TileMoments) -> None:
    """Write moments of tiles: float64 tensors second_x, second_w, mean_x and mean_w, named as in `TileMoments`.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    moments : TileMoments
        The moments.

    Raises
    ------
    InvalidInput
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_moments(Path(folder, "m"), TileMoments(Format(1, 1, 1), [[2.0]], [[3.0]]))
    ...     read_moments(Path(folder, "m"), Format(1, 1, 1)).second_x.tolist()
    [[1.0]]
    """
    tensors = {name: np.ascontiguousarray(getattr(moments, name), dtype="<f8") for name in (*_NEEDED, *_OPTIONAL)}
    record = {"schema": SCHEMA, "format": list(moments.format), "source": moments.source, "digest": moments.digest}
    try:
        write_atomically(path, save(tensors, metadata={KEY: json.dumps(record, sort_keys=True)}))
    except OSError as error:
        raise InvalidInput(f"the moments {path} cannot be written ({error.strerror})") from error


def read_moments(path: Path, format: Format) -> TileMoments:
    """Read moments for tiles of a format. The record may be missing: the tensors say all that is needed.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : Format
        The format that the moments are to be of.

    Returns
    -------
    TileMoments
        The moments.

    Raises
    ------
    InvalidInput
        If it is no sound file of moments of that format; the sentence names the file.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput(f"it has more than {MAX_FILE_BYTES} bytes")
        with safe_open(path, framework="numpy") as file:
            record = _record(dict(file.metadata() or {}))
            stored = record.get("format", list(format))
            if stored != list(format):
                measured = plain("x".join(map(str, stored)) if isinstance(stored, list) else stored)[:60]
                raise InvalidInput(f"it holds moments of tiles {measured}, not {format}; measure moments of {format}")
            names = set(file.keys())
            if missing := [name for name in _NEEDED if name not in names]:
                raise InvalidInput(f"it holds no tensor {missing[0]}; stl-bench moments writes such files")
            tensors = {}
            for name in (*_NEEDED, *_OPTIONAL):
                if name not in names:
                    continue
                if file.get_slice(name).get_dtype() not in ("F32", "F64"):
                    raise InvalidInput(f"its {name} is not of type F32 or F64")
                tensors[name] = file.get_tensor(name)
        with threadpool_limits(1):  # scaled alike on any number of cores
            return TileMoments(format, **tensors, source=plain(record.get("source", ""))[:200])
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or (error.args[0] if error.args else type(error).__name__)
        raise InvalidInput(f"the moments {path} cannot be read: {reason}") from error
    except InvalidInput as error:
        raise InvalidInput(f"the moments {path} cannot be used: {error}") from None


def _record(metadata: dict[str, str]) -> dict[str, object]:
    """The JSON record in the metadata, or nothing where there is none."""
    try:
        record = json.loads(metadata.get(KEY, "{}"))
    except (ValueError, RecursionError):
        raise InvalidInput(f"its metadata key {KEY!r} is not JSON") from None
    if not isinstance(record, dict):
        raise InvalidInput(f"its metadata key {KEY!r} is no JSON object")
    version = record.get("schema", SCHEMA)
    if version != SCHEMA:
        raise InvalidInput(
            f"it was written in schema {repr(version)[:20]}, this program reads {SCHEMA}; update strassen-tile"
        )
    return record
