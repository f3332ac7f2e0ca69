"""Ship what searches found: python -m catalog.ship_found DIR takes the frontier of a catalog into the shipped one.

Afterwards the shipped catalog holds, beside the constructions, the best found encoder of each format and rank
at every precision and the best found exact one; found encoders that are beaten at all of these are removed. What
was found by a trial brings its ancestors, and takes them with it, so that it can be replayed from what is shipped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from catalog.catalog import SHIPPED, Catalog
from catalog.entry import Entry
from catalog.pack_file import SUFFIX
from stl_algebra import PRECISIONS, Format

Slot = tuple[Format, int, str]


def ship_found(source: Path, directory: Path = SHIPPED) -> tuple[int, int]:
    """Take the frontier of a catalog into packs, and remove from those what is beaten now.

    Parameters
    ----------
    source : pathlib.Path
        The catalog to take from.
    directory : pathlib.Path
        The directory of the packs.

    Returns
    -------
    added, removed : int
        How many encoders were added, and how many removed.
    """
    catalog, arrivals = Catalog(directory, shipped=False, packed=True), Catalog(source, shipped=False)
    had = {entry.id: entry for entry in _found(catalog)}
    # At the lowest ranks leaving products out cannot be beaten: a search then keeps that construction.
    left_out = [e for e in arrivals.entries(real=True, exact=False) if e.provenance.strategy == "construction"]
    offered = had | {entry.id: entry for entry in [*_found(arrivals), *left_out]}
    # A construction may be as good: then nothing of the search is needed in its place.
    constructed = [entry for entry in catalog.entries(real=True) if entry.provenance.strategy == "construction"]
    best = _best([*constructed, *offered.values()])
    own = _best(entry for entry in offered.values() if entry.exact)
    keep = {entry.id for entry in [*best.values(), *own.values()]} & offered.keys()
    for id in keep - had.keys():
        entry = offered[id]
        catalog.add(entry.encoder, entry.provenance, arrivals.descent(entry).values())
    for id in had.keys() - keep:
        catalog.remove(id)
    return len(keep - had.keys()), len(had.keys() - keep)


def _found(catalog: Catalog) -> list[Entry]:
    return [
        entry for entry in catalog.entries(real=True) if entry.provenance.strategy not in ("construction", "import")
    ]


def _best(entries: Iterable[Entry]) -> dict[Slot, Entry]:
    """The entry of least error for each format, rank and precision."""
    best: dict[Slot, Entry] = {}
    for entry in entries:
        for precision in PRECISIONS:
            slot = (entry.format, entry.rank, precision)
            if slot not in best or entry.error_at(precision) < best[slot].error_at(precision):
                best[slot] = entry
    return best


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("name the catalog to take from: python -m catalog.ship_found DIR")
    given = Path(sys.argv[1])
    if not given.is_dir():
        sys.exit(f"{given} is no folder; name the catalog of a search, what --catalog said there")
    added, removed = ship_found(given)
    print(f"{added} encoders added to {SHIPPED}, {removed} removed that are beaten now")
    for name in (".", "ancestors"):
        sizes = [file.stat().st_size for file in (SHIPPED / name).glob(f"*{SUFFIX}")]
        print(f"{SHIPPED / name}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
