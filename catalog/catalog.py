"""The catalog: every encoder known, the shipped ones and the user's read as one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from catalog.ancestors import descent
from catalog.encoder_file import Stored
from catalog.entry import DEFAULT_PRECISION, NOWHERE, Entry
from catalog.figures import spans
from catalog.naive import naive_entries, with_naive
from catalog.permutations import Permutations, source_of
from catalog.places import usual_directory
from catalog.provenance import Provenance
from catalog.query import ORDERS, Query, Range, Tile, parse_tile
from catalog.store import Store
from catalog.stores import Stores
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import Precision

#: The encoders that come with the program; never written to.
SHIPPED = Path(__file__).absolute().parent / "shipped"
#: Names the user's catalog where no directory is given.
DIRECTORY_VARIABLE = "STL_CATALOG"


class Catalog(Stores):
    """A directory of encoders, and behind it, unless `shipped` is false, those that come with the program.

    Several processes may add and read at once. A list gives the figures of the index. An encoder itself is read, its
    figures are recomputed and its exactness is proved before a program gets it. A damaged file is named in a warning of
    the logger "catalog" and passed over. Iterating gives the entries in the order of `entries()`.

    Parameters
    ----------
    directory : str or os.PathLike
        Where the user's encoders are, kept as the attribute `directory`. `add` makes it; nothing else writes to it
        before.
    shipped : bool
        Whether the encoders that come with the program are read as well.
    packed : bool
        Whether new encoders go into one file for each format (see `pack_file`) instead of one file for each encoder. A
        directory that holds packs already is always read and written as packs.

    Raises
    ------
    InvalidInput
        If `packed` is true and the directory holds single encoder files.

    Examples
    --------
    >>> catalog = Catalog("no-such-directory")
    >>> catalog.best(tile=2, rank=7).exact
    True
    """

    def __init__(self, directory: str | os.PathLike[str], shipped: bool = True, *, packed: bool = False) -> None:
        super().__init__(Path(directory), SHIPPED if shipped else None, packed=packed)
        self._permutations = Permutations()

    @classmethod
    def default(cls, shipped: bool = True) -> Self:
        """Open the user's catalog: the directory in STL_CATALOG, else the usual place of the system.

        Parameters
        ----------
        shipped : bool
            Whether the encoders that come with the program are read as well.

        Returns
        -------
        Catalog
            The catalog; its directory need not exist yet.
        """
        return cls(os.environ.get(DIRECTORY_VARIABLE) or usual_directory(), shipped)

    def add(self, encoder: TileEncoder, provenance: Provenance, ancestors: Iterable[Stored] = ()) -> Entry:
        """Store an encoder durably in the user's directory; adding one that is there already changes nothing.

        What it descends from is stored there too, as far as the catalog or `ancestors` hold it (see `Ancestors`).

        Parameters
        ----------
        encoder : TileEncoder
            The encoder.
        provenance : Provenance
            Where it came from.
        ancestors : iterable of Stored
            Encoders it may descend from that are not in the catalog; others among them are left out.

        Returns
        -------
        Entry
            The entry of the encoder, with the provenance of the first time it was added.

        Raises
        ------
        InvalidInput
            If the directory cannot be written, or the encoder is too large for a catalog.
        """
        given = {stored.encoder.digest: stored for stored in ancestors}
        with self._ancestors[0].adding(provenance, lambda id: given.get(id) or self.ancestor(id)):
            self._own.add(encoder, provenance)
        return self._entry(self._own.row(encoder.digest), self._own)

    def best(
        self,
        tile: Tile = 4,
        rank: int | None = 40,
        precision: str | Precision = DEFAULT_PRECISION,
        exact: bool | None = None,
    ) -> TileEncoder:
        """Give the encoder of a format and rank with the least error at a precision; equals are ranked by growth.

        It is never over GF(2), and may be the classical algorithm with products left out, if that errs least.

        Parameters
        ----------
        tile : int, str or tuple of three int
            The format: 4, "2x3x4" or (2, 3, 4).
        rank : int or None
            The number of products r; None takes any.
        precision : str or Precision
            The precision whose error counts, such as "bf16" (see `stl_algebra.PRECISIONS`).
        exact : bool or None
            True asks for exact encoders alone, False for approximate ones.

        Returns
        -------
        TileEncoder
            The encoder, proved.

        Raises
        ------
        InvalidInput
            If there is none, the rank does not fit the format, or an argument is not understood.
        """
        format = parse_tile(tile)
        if rank is not None:
            format.check_rank(rank)
        found = self.entries(format, rank, precision=precision, exact=exact, real=True)
        at = Precision.parse(precision)
        for entry in sorted(found if exact else with_naive(found, at), key=lambda e: ORDERS["error"](e, at)):
            try:
                return entry.encoder
            except InvalidInput:
                continue  # damaged since it was indexed: the next listing names it
        wanted = {None: "encoder", True: "exact encoder", False: "approximate encoder"}[exact]
        wanted += f" of format {format}" + ("" if rank is None else f" and rank {rank}")
        ranks = sorted({entry.rank for entry in self.entries(format, exact=exact, real=True)})
        known = f"ranks known: {spans(ranks)}" if ranks else "none of that format is known"
        raise InvalidInput(
            f"the catalog holds no {wanted} ({known}); find one with "
            f"stl-search --tile {format}" + ("" if rank is None else f" --rank {rank}")
        )

    def entries(
        self,
        tile: Tile | None = None,
        rank: int | Range | None = None,
        *,
        ratio: Range = (None, None),
        error: Range = (None, None),
        precision: str | Precision = DEFAULT_PRECISION,
        ring: str | None = None,
        strategy: str | None = None,
        exact: bool | None = None,
        real: bool | None = None,
        order: str = "format",
        best: bool = False,
    ) -> list[Entry]:
        """List the entries that fit all conditions.

        With a tile, entries of its permutations are among them, with their dimensions permuted (see `permutations`).
        With `best`, the classical algorithm with products left out is among them if it errs least.

        Parameters
        ----------
        tile : int, str, tuple of three int or None
            The format; None takes each stored encoder once, in the format in which it is stored.
        rank : int, (lowest, highest) or None
            The number of products, or a range with both ends included; None as an end leaves it open.
        ratio : (lowest, highest)
            Range of r / (n·m·p).
        error : (lowest, highest)
            Range of the relative error at `precision`.
        precision : str or Precision
            The precision at which errors are compared.
        ring : str or None
            "Z", "Z[1/2]", "Q", "GF(2)" or "R".
        strategy : str or None
            The name of the search strategy, "construction" or "import".
        exact : bool or None
            Whether the Brent equations are proved in the ring.
        real : bool or None
            Whether the encoder is meant for real numbers (False: over GF(2)).
        order : str
            One of `catalog.query.ORDERS`.
        best : bool
            Whether to give only the best real entry at `precision` for each format and rank.

        Returns
        -------
        list of Entry
            The entries in that order, which is the same on every machine.

        Raises
        ------
        InvalidInput
            If an argument is not understood, or the directory cannot be read.
        """
        if order not in ORDERS:
            raise InvalidInput(f"unknown order {order!r}; choose one of {', '.join(ORDERS)}")
        ranks = rank if isinstance(rank, tuple) else (rank, rank)
        query = Query(tile, ranks, ratio, error, precision, ring, strategy, exact, True if best else real)
        at = Precision.parse(precision)
        found = self._find(query)
        if tile is not None:
            found += self._permutations.of_format(parse_tile(tile), found, lambda o: self._find(replace(query, tile=o)))
        if best:
            found = with_naive(found, at, query.naive_fits)
            first: dict[object, Entry] = {}
            for entry in sorted(found, key=lambda e: ORDERS["error"](e, at)):
                first.setdefault((entry.format, entry.rank), entry)
            found = list(first.values())
        return sorted(found, key=lambda e: ORDERS[order](e, at))

    def get(self, id: str) -> Entry:
        """Give the entry of an id.

        Parameters
        ----------
        id : str
            The id, or its first digits: at least four, and as many as no other entry shares.

        Returns
        -------
        Entry
            The entry.

        Raises
        ------
        InvalidInput
            If there is none, or there are several.
        """
        prefix = id.strip().lower().rstrip("…")
        if not re.fullmatch(r"[0-9a-f]{4,64}", prefix):
            raise InvalidInput(f"{id!r} is no encoder id: give at least 4 of its hexadecimal digits")
        found = self._find(Query(id=prefix)) or self._permutations.of_id(prefix, self._by_id)
        if not found:
            everything = self._find(Query())
            found = list(naive_entries(sorted({(e.format, e.rank) for e in everything if e.is_real}), prefix))
            if not found:
                self._permutations.make_all(everything)
                found = self._permutations.of_id(prefix, self._by_id)
        if not found:
            raise InvalidInput(f"no encoder in the catalog has an id that starts with {prefix}; see stl-catalog list")
        if len(found) > 1:
            shown = ", ".join(sorted(entry.id[: len(prefix) + 4] for entry in found[:5]))
            raise InvalidInput(f"{len(found)} encoders have ids that start with {prefix} ({shown}); give more digits")
        return found[0]

    def ancestor(self, id: str) -> Stored | None:
        """Give an encoder that an entry was made from, an entry of another order of the dimensions included.

        Parameters
        ----------
        id : str
            Its whole id.

        Returns
        -------
        Stored or None
            The encoder and its provenance.
        """
        return super().ancestor(id) or self._permutations.load(id, self._by_id)

    def descent(self, entry: Entry) -> dict[str, Stored]:
        """Collect all that an entry descends from, as far as the catalog holds it.

        Parameters
        ----------
        entry : Entry
            The entry.

        Returns
        -------
        dict of str to Stored
            By id, each after its own parents.
        """
        return descent(entry.provenance, self.ancestor)

    def duplicate_of(self, encoder: TileEncoder) -> Entry | None:
        """Find the entry with the same products, whatever their order, scaling and signs.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder to compare with.

        Returns
        -------
        Entry or None
            The entry, the encoder's own one first; None if there is none.
        """
        from catalog.twins import ROOM, twin_among

        room = ROOM * encoder.growth
        query = Query(
            encoder.format, (encoder.rank, encoder.rank), growth=(encoder.growth - room, encoder.growth + room)
        )
        return twin_among(self._find(query), encoder)

    def remove(self, id: str) -> Entry:
        """Delete an encoder from the user's directory for good, with what only it descends from.

        If others descend from it, it stays as their ancestor.

        Parameters
        ----------
        id : str
            Its id or the first digits, as `get` takes them.

        Returns
        -------
        Entry
            What it was.

        Raises
        ------
        InvalidInput
            If it is a shipped encoder, is not there, or cannot be removed.
        """
        entry = self.get(id)
        self.check_removable(entry)
        with self._ancestors[0].removing(entry.id):
            self._own.remove(entry.id)
        return entry

    def check_removable(self, entry: Entry) -> None:
        """Raise InvalidInput if an entry is one of the shipped ones, which stay.

        Parameters
        ----------
        entry : Entry
            The entry.
        """
        if entry.path == NOWHERE:
            source = source_of(entry)
            what = f"{source[:10]} permuted" if source else "the classical algorithm with products left out"
            raise InvalidInput(f"{entry.id[:10]} is in no file: {what}")
        if entry.shipped:
            raise InvalidInput(f"{entry.id[:10]} is a shipped encoder, which stays; --no-shipped keeps it out of sight")

    def __len__(self) -> int:
        return len(self._find(Query()))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def __repr__(self) -> str:
        return f"Catalog({str(self.directory)!r}, shipped={self._shipped is not None})"

    def _repr_html_(self) -> str:
        from catalog.notebook import catalog_table

        return catalog_table(self)

    def _find(self, query: Query) -> list[Entry]:
        """Entries in no order; one that is in both stores counts as the user's."""
        condition, values = query.condition()
        format = None if query.tile is None else parse_tile(query.tile)
        found: dict[str, Entry] = {}
        for store in self.stores:
            try:
                entries = [self._entry(row, store) for row in store.rows(condition, values, format)]
            except (ValueError, TypeError):  # a row that no encoder can have: the index is not to be trusted
                store.reindex()
                entries = [self._entry(row, store) for row in store.rows(condition, values, format)]
            for entry in entries:
                found.setdefault(entry.id, entry)
        return list(found.values())

    def _by_id(self, id: str) -> list[Entry]:
        return self._find(Query(id=id))

    def _entry(self, row: Mapping[str, Any], store: Store) -> Entry:
        return Entry.from_row(
            row, store.path(row), shipped=store is self._shipped, load=lambda: store.load(row["id"]).encoder
        )
