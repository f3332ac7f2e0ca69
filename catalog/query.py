"""What is asked of the catalog: conditions on the index, and the order of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stl_algebra.error import error_at_precision
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import Precision
from stl_algebra.ring import Ring

if TYPE_CHECKING:
    from catalog.entry import Entry

#: The largest integer of SQLite.
LARGEST = 2**63 - 1

Tile = int | str | tuple[int, int, int]
Range = tuple[float | None, float | None]

#: The orders a list can have; each ends in the id, so that it is the same on every machine.
ORDERS: dict[str, Callable[[Entry, Precision], tuple[Any, ...]]] = {
    "format": lambda e, at: (e.format.products, e.format, -e.rank, e.error_at(at), e.growth, e.id),
    "rank": lambda e, at: (e.rank, e.format, e.error_at(at), e.growth, e.id),
    "ratio": lambda e, at: (e.ratio, e.error_at(at), e.growth, e.format, e.id),
    "error": lambda e, at: (e.error_at(at), e.growth, e.format, e.id),
    "growth": lambda e, at: (e.growth, e.error_at(at), e.format, e.id),
    "strategy": lambda e, at: (e.provenance.strategy, e.format, -e.rank, e.error_at(at), e.id),
    "seconds": lambda e, at: (e.provenance.seconds or 0.0, e.format, -e.rank, e.error_at(at), e.id),
}


def parse_tile(tile: Tile) -> Format:
    """Read a format in any of the ways in which a tile is named.

    Parameters
    ----------
    tile : int, str or tuple of three int
        4, "4", "2x3x4" or (2, 3, 4).

    Returns
    -------
    Format
        The format.

    Raises
    ------
    InvalidInput
        If it is anything else.

    Examples
    --------
    >>> parse_tile(4) == parse_tile("4x4x4") == parse_tile((4, 4, 4))
    True
    """
    if isinstance(tile, str):
        return Format.parse(tile)
    if isinstance(tile, tuple) and len(tile) == 3:
        return Format(*tile)
    if isinstance(tile, int) and not isinstance(tile, bool):
        return Format(tile, tile, tile)
    raise InvalidInput(f"tile {tile!r} is not a format; give 4, '2x3x4' or (2, 3, 4)")


@dataclass(frozen=True)
class Query:
    """Conditions on entries, which all hold; None asks nothing.

    Parameters
    ----------
    tile : int, str, tuple of three int or None
        The format.
    rank, ratio, error : (lowest, highest)
        Ranges of r, of r / (n·m·p) and of the relative error at `precision`. Both ends are included.
    precision : str or Precision
        The precision of `error`.
    ring : str or None
        The ring.
    strategy : str or None
        The name of the strategy.
    exact : bool or None
        Whether the Brent equations are proved in the ring.
    real : bool or None
        Whether the encoder is meant for real numbers (False: over GF(2)).
    id : str or None
        The first digits of the id.
    growth : (lowest, highest)
        Range of the growth. Both ends are included.
    """

    tile: Tile | None = None
    rank: Range = (None, None)
    ratio: Range = (None, None)
    error: Range = (None, None)
    precision: str | Precision = "bf16"
    ring: str | None = None
    strategy: str | None = None
    exact: bool | None = None
    real: bool | None = None
    id: str | None = None
    growth: Range = (None, None)

    def naive_fits(self, entry: Entry) -> bool:
        """Tell whether an entry meets the conditions that its format and rank do not settle.

        Parameters
        ----------
        entry : Entry
            A naive construction, which is in no index, of a format and rank that was found.

        Returns
        -------
        bool
            Whether it is wanted as well.
        """
        approximate = self.exact is not True and (self.ring is None or Ring.parse(self.ring) is Ring.R)
        bounded = ((entry.error_at(self.precision), self.error), (entry.growth, self.growth))
        within = all(
            (low is None or low <= figure) and (high is None or figure <= high) for figure, (low, high) in bounded
        )
        return approximate and within and self.strategy in (None, entry.provenance.strategy)

    def condition(self) -> tuple[str, list[object]]:
        """Translate into SQL for the index.

        Returns
        -------
        condition : str
            A condition with a question mark for each value.
        values : list
            The values.

        Raises
        ------
        InvalidInput
            If the tile, ring or precision is not understood.
        """
        terms: list[str] = []
        values: list[object] = []

        def ask(term: str, *bound: object) -> None:
            terms.append(term)
            values.extend(bound)

        if self.id is not None:
            ask("id >= ? AND id <= ?", self.id, self.id + "g")  # every digest that starts so: g follows f
        if self.tile is not None:
            ask("n = ? AND m = ? AND p = ?", *map(_storable, parse_tile(self.tile)))
        if self.ring is not None:
            ask("ring = ?", str(Ring.parse(self.ring)))
        if self.strategy is not None:
            ask("strategy = ?", self.strategy)
        if self.exact is not None:
            ask("ring != 'R'" if self.exact else "ring = 'R'")
        if self.real is not None:
            ask("ring != 'GF(2)'" if self.real else "ring = 'GF(2)'")
        # The error is linear in the growth: what growth 1 costs in the format ⟨1,1,1⟩ is the coefficient.
        slope = error_at_precision(Format(1, 1, 1), 0.0, 1.0, Precision.parse(self.precision))
        for expression, bounds in (
            ("rank", self.rank),
            ("growth", self.growth),
            ("1.0 * rank / (n * m * p)", self.ratio),
            (f"relative_error + {slope!r} * growth / (n * m * p)", self.error),
        ):
            for comparison, bound in zip((">=", "<="), bounds, strict=True):
                if bound is not None:
                    ask(f"{expression} {comparison} ?", _storable(bound))
        return " AND ".join(terms) or "1", values


def _storable(bound: float) -> float:
    """A bound as SQLite takes it: no integer there is longer than 64 bits, so none is beyond these either."""
    return max(-LARGEST, min(LARGEST, bound)) if isinstance(bound, int) else bound
