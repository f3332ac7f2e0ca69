"""Keeping encoders: immutable files named by content, an index derived from them, and those that are shipped."""

from catalog.catalog import Catalog
from catalog.encoder_file import Stored
from catalog.entry import Entry
from catalog.provenance import Provenance

__all__ = ["Catalog", "Entry", "Provenance", "Stored"]
