"""Where an encoder came from, in sentences."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from catalog.provenance import PERMUTED_FROM

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.encoder_file import Stored
    from catalog.entry import Entry

#: How far back the lineage is told.
MAX_DEPTH = 12
#: The details that `origin` tells.
TOLD = ("derivation", "file", "collection", PERMUTED_FROM)
#: What to do where the ancestors of the shipped encoders are not installed.
GET_ANCESTORS = (
    "the ancestors of the shipped encoders come apart: pip install strassen-tile-ancestors, "
    "or in the repository pip install ./ancestors"
)


def origin(entry: Entry | Stored) -> str:
    """Say in one sentence how an encoder was found; text from files is stripped of control characters.

    Parameters
    ----------
    entry : Entry or Stored
        The encoder with its provenance.

    Returns
    -------
    str
        The sentence.
    """
    source = entry.provenance.details.get(PERMUTED_FROM)
    return f"From {plain(source)[:10]} by permuting the dimensions. {_found(entry)}" if source else _found(entry)


def _found(entry: Entry | Stored) -> str:
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
    """Say what else is recorded of how an encoder was found: words first, lists and parts unfolded.

    Parameters
    ----------
    entry : Entry
        The entry.

    Returns
    -------
    list of str
        The lines.
    """
    details = {k: v for k, v in entry.provenance.details.items() if k not in TOLD}
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
    """List the ancestors, indented by generation.

    Parameters
    ----------
    entry : Entry
        The entry.
    catalog : Catalog
        Where its ancestors are looked up; of one that it does not hold, the id is given.

    Returns
    -------
    list of str
        One line an ancestor.
    """
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


def why_not_replayed(entry: Entry, catalog: Catalog, from_roots: bool = False) -> str | None:
    """Say in one sentence why an encoder cannot be made again.

    Parameters
    ----------
    entry : Entry
        The entry.
    catalog : Catalog
        Where its ancestors are looked up.
    from_roots : bool
        Whether it is to be made from all it descends from, instead of from its parents as they are.

    Returns
    -------
    str or None
        The reason; None if it can be made.
    """
    came, name = entry.provenance, entry.id[:10]
    if not came.recipe and (source := came.details.get(PERMUTED_FROM)):
        return f"{name} was made by permuting {plain(source)[:10]}: replay that one"
    if not came.recipe:
        reason = {
            "construction": f"{name} was constructed, not searched for: there is no trial to replay",
            "import": f"{name} was imported, and with it came no recipe to replay",
        }
        return reason.get(came.strategy, f"{name} was found before recipes were recorded, so it cannot be replayed")
    missing = next((parent for parent in came.lineage if catalog.ancestor(parent) is None), None)
    if missing is None and from_roots:
        known = catalog.descent(entry)
        lines = [stored.provenance.lineage for stored in known.values() if stored.provenance.recipe]
        missing = next((parent for line in lines for parent in line if parent not in known), None)
    if missing is None:
        return None
    kind = "parent" if missing in came.lineage else "ancestor"
    way_out = "" if catalog.ancestors_at_hand else f"; {GET_ANCESTORS}"
    return f"{name} cannot be replayed: its {kind} {plain(missing)[:10]} is not in this catalog{way_out}"


def plain(value: object) -> str:
    """Make text from a file safe to print: on one line, without control characters, so without escape sequences.

    Parameters
    ----------
    value : object
        The text, or what is printed as text.

    Returns
    -------
    str
        The rest.

    Examples
    --------
    >>> plain("a" + chr(27) + "[2Jb")
    'a[2Jb'
    """
    return "".join(c for c in str(value) if unicodedata.category(c)[0] != "C")
