"""Encoders out of the catalog, as files for others."""

from __future__ import annotations

from pathlib import Path

from catalog.durable import write_atomically
from catalog.encoder_file import pack
from catalog.entry import Entry
from stl_algebra.errors import InvalidInput


def export(entry: Entry, target: Path) -> None:
    """Write an encoder to a file, whole or not at all.

    Raises InvalidInput where the file cannot be written or its name has an ending of no known format.
    """
    if target.suffix != ".safetensors":
        raise InvalidInput(f"{target} has an ending of no known format; name it something.safetensors")
    content = pack(entry.encoder, entry.provenance)
    if target.is_dir():
        raise InvalidInput(f"{target} is a folder; name a file in it")
    try:
        write_atomically(target, content)
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written ({error.strerror})") from error
