"""Finding the entry that has the same products as an encoder, whatever their order, scaling and signs."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from catalog.entry import Entry
from catalog.equivalence import same_products
from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.ring import Ring

#: How far, relatively, the growth of encoders with the same products may differ by rounding.
ROOM = 1e-9


def twin_among(entries: Iterable[Entry], encoder: TileEncoder) -> Entry | None:
    """Find the entry with the same products among some of the same format, rank and growth.

    Parameters
    ----------
    entries : iterable of Entry
        The entries.
    encoder : TileEncoder
        The encoder to compare with.

    Returns
    -------
    Entry or None
        The entry, the encoder's own one first; None if there is none.
    """
    for entry in sorted(entries, key=lambda e: (e.id != encoder.digest, e.ring.is_exact != encoder.exact, e.id)):
        if entry.id == encoder.digest:
            return entry
        if (entry.ring is Ring.GF2) == (encoder.ring is Ring.GF2) and same_products(entry.encoder, encoder):
            return entry
    return None


class Twins:
    """Entries in memory, by format, rank and growth: many encoders are compared without a look at the catalog for each.

    Parameters
    ----------
    entries : iterable of Entry
        The entries.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[str, Entry] = {}
        #: (growth, id) of the entries of a format and rank, sorted.
        self._growths: dict[tuple[Format, int], list[tuple[float, str]]] = {}
        for entry in entries:
            self.add(entry)

    def __contains__(self, id: object) -> bool:
        return id in self._entries

    def __getitem__(self, id: str) -> Entry:
        return self._entries[id]

    def add(self, entry: Entry) -> None:
        """Take in one more entry.

        Parameters
        ----------
        entry : Entry
            The entry.
        """
        if entry.id not in self._entries:
            insort(self._growths.setdefault((entry.format, entry.rank), []), (entry.growth, entry.id))
        self._entries[entry.id] = entry

    def of(self, encoder: TileEncoder) -> Entry | None:
        """Find the entry with the same products.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder to compare with.

        Returns
        -------
        Entry or None
            The entry, the encoder's own one first; None if there is none.
        """
        growths = self._growths.get((encoder.format, encoder.rank), [])
        room = ROOM * encoder.growth
        first = bisect_left(growths, (encoder.growth - room, ""))
        near = []
        for growth, id in growths[first:]:
            if growth > encoder.growth + room:
                break
            near.append(self._entries[id])
        return twin_among(near, encoder)
