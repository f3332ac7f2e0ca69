"""The exact ranks that a catalog holds against the best that are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.entry import Entry
from stl_algebra.format import Format
from stl_algebra.known_ranks import (
    KnownRank,
    computes_over,
    known_border_rank,
    known_rank,
    recorded_formats,
)
from stl_algebra.ring import Ring

if TYPE_CHECKING:
    from catalog.catalog import Catalog

#: The rings that are compared, from the strictest on.
RINGS = (Ring.Z, Ring.DYADIC, Ring.Q, Ring.GF2)


@dataclass(frozen=True)
class Standing:
    """The least ranks of one format over one ring.

    Parameters
    ----------
    entry : Entry or None
        The encoder of least rank in the catalog that computes over the ring.
    known : KnownRank or None
        The least rank known and its source.
    """

    entry: Entry | None
    known: KnownRank | None

    @property
    def here(self) -> int | None:
        """The least rank in the catalog."""
        return None if self.entry is None else self.entry.rank

    @property
    def gap(self) -> int | None:
        """How far the rank here is above the rank known; None if either is unknown."""
        return None if self.entry is None or self.known is None else self.entry.rank - self.known.rank


@dataclass(frozen=True)
class Record:
    """How a catalog stands in one format, whose permutations all have the same ranks.

    Parameters
    ----------
    format : Format
        The format, its dimensions in ascending order.
    standings : dict of Ring to Standing
        The ranks over each of RINGS.
    border : KnownRank or None
        The least bound known on the border rank.
    """

    format: Format
    standings: dict[Ring, Standing]
    border: KnownRank | None

    @property
    def gap(self) -> int | None:
        """The gap over the rationals; None if the catalog holds no exact encoder for real numbers."""
        return self.standings[Ring.Q].gap

    @property
    def has_gap(self) -> bool:
        """Whether some ring's rank here is above the one known."""
        return any((one.gap or 0) > 0 for one in self.standings.values())

    def as_json(self) -> dict[str, Any]:
        """Give the record as a JSON object.

        Returns
        -------
        dict
            Ranks, ids and sources by ring, the gap and the border rank.
        """
        rings = {
            str(ring): {
                "here": one.here,
                "id": None if one.entry is None else one.entry.id,
                "known": None if one.known is None else one.known.rank,
                "source": None if one.known is None else one.known.source,
                "gap": one.gap,
            }
            for ring, one in self.standings.items()
        }
        border = None if self.border is None else {"rank": self.border.rank, "source": self.border.source}
        return {"format": str(self.format), "rings": rings, "gap": self.gap, "border_rank": border}


def records(catalog: Catalog, formats: Iterable[Format] | None = None) -> list[Record]:
    """Compare the least exact ranks in a catalog with those known.

    Parameters
    ----------
    catalog : Catalog
        The catalog.
    formats : iterable of Format or None
        The formats, their dimensions in any order; None takes all whose ranks are recorded, up to ⟨8,8,8⟩.

    Returns
    -------
    list of Record
        One for each format.
    """
    wanted = recorded_formats() if formats is None else [Format(*sorted(one)) for one in formats]
    least: dict[tuple[Format, Ring], Entry] = {}
    for entry in catalog.entries(exact=True, order="rank"):
        for ring in RINGS:
            if computes_over(entry.ring, ring):
                least.setdefault((Format(*sorted(entry.format)), ring), entry)
    return [
        Record(
            format,
            {ring: Standing(least.get((format, ring)), known_rank(format, ring)) for ring in RINGS},
            known_border_rank(format),
        )
        for format in wanted
    ]
