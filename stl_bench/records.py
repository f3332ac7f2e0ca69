"""Recorded measurements: JSON files that the benchmarks write and the report reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.durable import write_atomically
from stl_algebra import InvalidInput

#: Where the records are in a checkout of the project.
RESULTS = Path("benchmarks/results")
#: The packages whose versions stand beside a figure.
PACKAGES = ("python", "torch", "numpy", "numba", "transformers")


@dataclass(frozen=True)
class Record:
    """One file of results.

    Parameters
    ----------
    file : str
        The name of the file, without its folder.
    content : dict
        The JSON object it holds.
    """

    file: str
    content: dict[str, Any]


def read_records(folder: Path) -> list[Record]:
    """Read every record of a folder.

    Parameters
    ----------
    folder : Path
        The folder; its `.json` files are records.

    Returns
    -------
    list of Record
        The records, by file name.

    Raises
    ------
    InvalidInput
        If there is no such folder, or a file holds no JSON object.
    """
    if not folder.is_dir():
        raise InvalidInput(
            f"the folder {folder} of recorded results does not exist; run this in a checkout of the project, or name "
            "the folder with --results"
        )
    return [_read(file) for file in sorted(folder.glob("*.json"))]


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Write a record: afterwards the file holds all of it, or what it held before.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is missing.
    content : dict
        Plain JSON.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def of_benchmark(records: list[Record], benchmark: str) -> list[Record]:
    """Select the records that a benchmark wrote.

    Parameters
    ----------
    records : list[Record]
        All records.
    benchmark : str
        The name that the benchmark gives itself in its records, or else the beginning of their file names.

    Returns
    -------
    list of Record
        Those of the benchmark, in the same order.

    Examples
    --------
    >>> of_benchmark([Record("layer_fp32_1.json", {}), Record("models.json", {})], "layer")[0].file
    'layer_fp32_1.json'
    """

    def name(record: Record) -> str:
        stem = Path(record.file).stem
        return str(record.content.get("benchmark") or (benchmark if stem.startswith(f"{benchmark}_") else stem))

    return [record for record in records if name(record) == benchmark]


@contextmanager
def reading(record: Record) -> Iterator[None]:
    """Turn an error from a missing or odd value into one sentence that names the record's file.

    Parameters
    ----------
    record : Record
        The record that the block reads.

    Yields
    ------
    None
        Nothing: the block reads the record.

    Raises
    ------
    InvalidInput
        If the block fails on a value of the record.

    Examples
    --------
    >>> with reading(Record("models.json", {})):
    ...     {}["cells"]
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: models.json does not hold what its benchmark writes ('cells'); measure it again
    """
    try:
        yield
    except InvalidInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidInput(
            f"{record.file} does not hold what its benchmark writes ({error}); measure it again"
        ) from error


def origin(content: dict[str, Any]) -> dict[str, str]:
    """Say in words where a record comes from, in whichever form this or an older version noted it.

    Parameters
    ----------
    content : dict
        A record, or a part of one that was measured by itself. If it does not say where it comes from, its first
        result does.

    Returns
    -------
    dict
        `command`, `seed`, `date`, `machine` and `versions`, each as text.

    Examples
    --------
    >>> origin({"command": "x", "seed": 0, "date": "2026-01-01T00:00:00", "processor": "P", "cores": 2})["machine"]
    'P, 2 cores'
    >>> origin({"results": [{"command": "layer.py --precision bf16", "torch": "2.13.0"}]})["command"]
    'python benchmarks/layer.py --precision bf16'
    >>> origin({"blas": [{"library": "openblas", "version": "0.3.31", "architecture": "Zen"}]})["versions"]
    'openblas 0.3.31 for Zen'
    """
    rows = content.get("results")
    if "command" not in content and isinstance(rows, list) and rows and isinstance(rows[0], dict):
        content = {**rows[0], **content}
    held = {**content, **(content["environment"] if isinstance(content.get("environment"), dict) else {})}
    machine, gpu = held.get("machine"), held.get("gpu")
    if isinstance(gpu, dict) and gpu.get("name"):
        words = str(gpu["name"])
    elif isinstance(machine, dict):
        words = f"{machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores"
    else:
        words = f"{held.get('processor', machine or 'unknown')}, {held.get('cores', '?')} cores"
    versions = held["versions"] if isinstance(held.get("versions"), dict) else held
    packages = [f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)]
    return {
        "command": _runnable(str(held.get("command", "not recorded"))),
        "seed": str(held.get("seed", "none")),
        "date": str(held.get("date", "not recorded"))[:16].replace("T", " "),
        "machine": words,
        "versions": ", ".join([*packages, *_blas_words(held.get("blas"))]),
    }


def _blas_words(libraries: Any) -> list[str]:
    """List the BLAS libraries of a record, each once; older records name none."""
    found = [one for one in libraries if isinstance(one, dict)] if isinstance(libraries, list) else []
    words = [f"{one.get('library')} {one.get('version')} for {one.get('architecture')}" for one in found]
    return list(dict.fromkeys(words))


def _runnable(command: str) -> str:
    """Write a command as it is typed in the project's folder; older records name a script without its place.

    >>> _runnable("stl-bench layer")
    'stl-bench layer'
    """
    return f"python benchmarks/{command}" if re.match(r"\w+\.py\b", command) else command


def _read(file: Path) -> Record:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} cannot be read as JSON; restore it or remove it") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{file} holds no JSON object; restore it or remove it")
    return Record(file.name, content)
