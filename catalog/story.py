"""Where an encoder came from, in sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.encoder_file import Stored
    from catalog.entry import Entry

#: How far back the lineage is told.
MAX_DEPTH = 12


def origin(entry: Entry | Stored) -> str:
    """How an encoder was found, in one sentence; text from files is stripped of control characters."""
    came = entry.provenance
    details = came.details
    if came.strategy == "construction" and "derivation" in details:
        return f"Constructed: {plain(details['derivation'])}."
    if came.strategy == "import":
        where = f"{plain(details.get('file', 'a file'))} ({plain(details.get('collection', 'unknown format'))})"
        at = f" at x = {details['x']:.4g}" if isinstance(details.get("x"), float) else ""
        return f"Imported from {where}{at}."
    parts = [f"Found by {plain(came.strategy)}"]
    if came.seed is not None:
        parts.append(f"with seed {came.seed}")
    if came.seconds is not None:
        parts.append(f"after {came.seconds:.1f} s")
    if came.precision is not None:
        parts[-1] += ","
        parts.append(f"minimising the error at {plain(came.precision)}")
    return " ".join(parts) + "."


def particulars(entry: Entry) -> list[str]:
    """What else is recorded of how an encoder was found, one line each: words first, lists and parts unfolded."""
    details = {k: v for k, v in entry.provenance.details.items() if k not in ("derivation", "file", "collection")}
    words = details.pop("words", None)
    return ([] if words is None else [f"{plain(words)}."]) + list(_unfolded(details))


def _unfolded(details: Mapping[str, Any]) -> Iterator[str]:
    for key, value in details.items():
        parts = value if isinstance(value, list) else [value]
        if not any(isinstance(part, Mapping) for part in parts):
            yield f"{plain(key)}: {' '.join(map(plain, parts))}"
            continue
        for part in parts:
            yield f"{plain(key)}:"
            yield from (f"  {line}" for line in _unfolded(part if isinstance(part, Mapping) else {"also": part}))


def lineage(entry: Entry, catalog: Catalog) -> list[str]:
    """The ancestors, one line each, indented by generation; an id the catalog does not know is given as such."""
    lines: list[str] = []
    told: set[str] = set()

    def tell(id: str, depth: int) -> None:
        indent = "  " * depth
        if id in told or depth > MAX_DEPTH:
            lines.append(f"{indent}{plain(id)[:10]} (see above)" if id in told else f"{indent}…")
            return
        told.add(id)
        if (parent := catalog.ancestor(id)) is None:
            lines.append(f"{indent}{plain(id)[:10]}, not in this catalog")
            return
        lines.append(f"{indent}{id[:10]}: {parent.encoder.format} rank {parent.encoder.rank}. {origin(parent)}")
        for ancestor in parent.provenance.lineage:
            tell(ancestor, depth + 1)

    for ancestor in entry.provenance.lineage:
        tell(ancestor, 0)
    return lines


def why_not_replayed(entry: Entry, catalog: Catalog) -> str | None:
    """Why an encoder cannot be made again from its parents, in one sentence; None where it can."""
    came, name = entry.provenance, entry.id[:10]
    if not came.recipe:
        reason = {
            "construction": f"{name} was constructed, not searched for: there is no trial to replay",
            "import": f"{name} was imported, and with it came no recipe to replay",
        }
        return reason.get(came.strategy, f"{name} was found before recipes were recorded, so it cannot be replayed")
    missing = next((parent for parent in came.lineage if catalog.ancestor(parent) is None), None)
    return missing and f"{name} cannot be replayed: its parent {plain(missing)[:10]} is not in this catalog"


def plain(value: object) -> str:
    """Text from a file, safe to print: no control characters, so no escape sequences, and on one line.

    >>> plain("a" + chr(27) + "[2Jb")
    'a[2Jb'
    """
    return "".join(c for c in str(value) if unicodedata.category(c)[0] != "C")
