"""Recorded measurements, read from the JSON files that the benchmarks write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stl_algebra import InvalidInput

#: The packages whose versions are told beside a figure.
PACKAGES = ("python", "torch", "numpy", "numba", "transformers")


@dataclass(frozen=True)
class Record:
    """One file of results: its name and what it holds."""

    file: str
    content: dict[str, Any]


def read_records(folder: Path) -> list[Record]:
    """Every record of a folder, by file name. Raises InvalidInput for no folder, and for what is no JSON object."""
    if not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder} of recorded results; name one with --results")
    return [_read(file) for file in sorted(folder.glob("*.json"))]


def of_benchmark(records: list[Record], benchmark: str) -> list[Record]:
    """The records that a benchmark wrote, by the name it gives itself or else that of the file.

    >>> of_benchmark([Record("layer_fp32_1.json", {}), Record("models.json", {})], "layer")[0].file
    'layer_fp32_1.json'
    """

    def name(record: Record) -> str:
        stem = Path(record.file).stem
        return str(record.content.get("benchmark") or (benchmark if stem.startswith(f"{benchmark}_") else stem))

    return [record for record in records if name(record) == benchmark]


@contextmanager
def reading(record: Record) -> Iterator[None]:
    """Turns what a record lacks into one sentence that names its file.

    >>> with reading(Record("models.json", {})):
    ...     {}["cells"]
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: models.json does not hold what its benchmark writes ('cells'); measure it anew
    """
    try:
        yield
    except InvalidInput:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InvalidInput(
            f"{record.file} does not hold what its benchmark writes ({error}); measure it anew"
        ) from error


def origin(content: dict[str, Any]) -> dict[str, str]:
    """Command, seed, date, machine and versions of a record or a cell, as the benchmarks of this project note them.

    Where a record says nothing of its own, what its first result says.

    >>> origin({"command": "x", "seed": 0, "date": "2026-01-01T00:00:00", "processor": "P", "cores": 2})["machine"]
    'P, 2 cores'
    >>> origin({"results": [{"command": "layer.py --precision bf16", "torch": "2.13.0"}]})["command"]
    'python benchmarks/layer.py --precision bf16'
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
    return {
        "command": _runnable(str(held.get("command", "not recorded"))),
        "seed": str(held.get("seed", "none")),
        "date": str(held.get("date", "not recorded"))[:16].replace("T", " "),
        "machine": words,
        "versions": ", ".join(f"{name} {versions[name]}" for name in PACKAGES if versions.get(name)),
    }


def _runnable(command: str) -> str:
    """A command as it is typed in the project's folder: some benchmarks note their script without its place.

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
