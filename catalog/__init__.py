"""Keeping encoders: immutable files named by content, an index derived from them, and those that are shipped.

Names are imported as they are first used, so that a command's help does not wait for NumPy and SQLite.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.encoder_file import Stored
    from catalog.entry import Entry
    from catalog.provenance import Provenance

#: The module that each public name comes from.
_HOMES = {
    "Catalog": "catalog.catalog",
    "Entry": "catalog.entry",
    "Provenance": "catalog.provenance",
    "Stored": "catalog.encoder_file",
}

__all__ = ["Catalog", "Entry", "Provenance", "Stored"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, for tab completion."""
    return sorted(__all__)
