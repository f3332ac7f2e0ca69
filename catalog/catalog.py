"""The catalog: every encoder known, the shipped ones and the user's read as one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from catalog.ancestors import Ancestors, descent
from catalog.encoder_file import Stored
from catalog.entry import DEFAULT_PRECISION, Entry
from catalog.folder import Folder
from catalog.provenance import Provenance
from catalog.query import ORDERS, Query, Range, Tile, parse_tile
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.precision import Precision
from stl_algebra.ring import Ring

#: The encoders that come with the program; never written to.
SHIPPED = Path(__file__).absolute().parent / "shipped"
#: Names the user's catalog where no directory is given.
DIRECTORY_VARIABLE = "STL_CATALOG"


class Catalog:
    """A directory of encoders, and behind it, unless `shipped` is false, those that come with the program.

    Files are immutable and named by their content, so several processes may add and read at once.
    Figures are always recomputed from the coefficients, and exactness is proved again, before an encoder
    is believed; a damaged file is named in a warning of the logger "catalog" and passed over.

    >>> catalog = Catalog("no-such-directory")
    >>> catalog.best(tile=2, rank=7).exact
    True
    """

    def __init__(self, directory: str | os.PathLike[str], shipped: bool = True) -> None:
        self.directory = Path(directory)
        self._own = Folder(self.directory, index_beside=self.directory.absolute() != SHIPPED)
        self._shipped = Folder(SHIPPED, read_only=True) if shipped else None
        #: In the order of `folders`.
        self._ancestors = [Ancestors(folder) for folder in self.folders]

    @classmethod
    def default(cls, shipped: bool = True) -> Self:
        """The user's catalog: the directory in STL_CATALOG, else the usual place of the system."""
        from platformdirs import user_data_path

        named = os.environ.get(DIRECTORY_VARIABLE)
        return cls(named or user_data_path("strassen-tile") / "catalog", shipped)

    @property
    def folders(self) -> list[Folder]:
        """The user's folder, then the shipped one where it is read."""
        return [self._own, self._shipped] if self._shipped else [self._own]

    def add(self, encoder: TileEncoder, provenance: Provenance, ancestors: Iterable[Stored] = ()) -> Entry:
        """Store an encoder durably in the user's directory; adding one that is there already changes nothing.

        What it descends from is stored there too, as far as it is shipped or among the `ancestors` (see Ancestors).
        Raises InvalidInput where the directory cannot be written or the encoder is too large.
        """
        given = {stored.encoder.digest: stored for stored in ancestors}
        with self._ancestors[0].adding(provenance, lambda id: given.get(id) or self.ancestor(id)):
            path = self._own.add(encoder, provenance)
        return self._entry(self._own.row(path.name), self._own)

    def check_writable(self) -> None:
        """Raise InvalidInput where `add` could not write to the user's directory, which is made if need be."""
        self._own.check_writable()

    def best(
        self,
        tile: Tile = 4,
        rank: int | None = 40,
        precision: str | Precision = DEFAULT_PRECISION,
        exact: bool | None = None,
    ) -> TileEncoder:
        """The encoder of this format and rank (None: any) with the least error at a precision, then the least growth.

        `exact` True or False asks for exact or approximate ones only. One over GF(2) is never offered.
        Raises InvalidInput where there is none.
        """
        format = parse_tile(tile)
        if rank is not None:
            format.check_rank(rank)
        entries = self.entries(format, rank, precision=precision, exact=exact, real=True, order="error")
        for entry in entries:
            try:
                return entry.encoder
            except InvalidInput:
                continue  # damaged since it was indexed: the next listing names it
        kind = {None: "encoder", True: "exact encoder", False: "approximate encoder"}[exact]
        wanted = f"{kind} of format {format}" + ("" if rank is None else f" and rank {rank}")
        ranks = sorted({entry.rank for entry in self.entries(format, exact=exact, real=True)})
        known = f"ranks known: {_spans(ranks)}" if ranks else "none of that format is known"
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
        """All entries that fit (see Query; `rank` is a number or a range), in one of the ORDERS.

        With `best`, only the best real one at `precision` for each format and rank.
        """
        if order not in ORDERS:
            raise InvalidInput(f"unknown order {order!r}; choose one of {', '.join(ORDERS)}")
        ranks = rank if isinstance(rank, tuple) else (rank, rank)
        query = Query(tile, ranks, ratio, error, precision, ring, strategy, exact, True if best else real)
        at = Precision.parse(precision)
        found = self._find(query)
        if best:
            first: dict[object, Entry] = {}
            for entry in sorted(found, key=lambda e: ORDERS["error"](e, at)):
                first.setdefault((entry.format, entry.rank), entry)
            found = list(first.values())
        return sorted(found, key=lambda e: ORDERS[order](e, at))

    def get(self, id: str) -> Entry:
        """The entry of an id, or of a prefix of at least four characters that no other entry shares.

        Raises InvalidInput where there is none, or several.
        """
        prefix = id.strip().lower().rstrip("…")
        if not re.fullmatch(r"[0-9a-f]{4,64}", prefix):
            raise InvalidInput(f"{id!r} is no encoder id: give at least 4 of its hexadecimal digits")
        found = self._find(Query(id=prefix))
        if not found:
            raise InvalidInput(f"no encoder in the catalog has an id that starts with {prefix}; see stl-catalog list")
        if len(found) > 1:
            shown = ", ".join(sorted(entry.id[: len(prefix) + 4] for entry in found[:5]))
            raise InvalidInput(f"{len(found)} encoders have ids that start with {prefix} ({shown}); give more digits")
        return found[0]

    def ancestor(self, id: str) -> Stored | None:
        """An encoder that an entry was made from, whether it is an entry itself or not; None where it is unknown."""
        return next((stored for one in self._ancestors if (stored := one.load(id)) is not None), None)

    def descent(self, entry: Entry) -> dict[str, Stored]:
        """All that an entry descends from and the catalog has, by id, each after its own parents."""
        return descent(entry.provenance, self.ancestor)

    def duplicate_of(self, encoder: TileEncoder) -> Entry | None:
        """The entry with the same products, whatever their order, scaling and signs, if there is one."""
        from catalog.equivalence import same_products

        room = 1e-9 * encoder.growth
        query = Query(
            encoder.format, (encoder.rank, encoder.rank), growth=(encoder.growth - room, encoder.growth + room)
        )
        found = self._find(query)
        for entry in sorted(found, key=lambda e: (e.id != encoder.digest, e.ring.is_exact != encoder.exact, e.id)):
            if entry.id == encoder.digest:
                return entry
            if (entry.ring is Ring.GF2) == (encoder.ring is Ring.GF2) and same_products(entry.encoder, encoder):
                return entry
        return None

    def remove(self, id: str) -> Entry:
        """Delete an encoder from the user's directory for good, with what only it descends from; return what it was.

        Where others descend from it, it stays as their ancestor. Raises InvalidInput where it is one of the shipped
        ones, which stay.
        """
        entry = self.get(id)
        self.check_removable(entry)
        with self._ancestors[0].removing(entry.id):
            self._own.remove(entry.path.name)
        return entry

    def check_removable(self, entry: Entry) -> None:
        """Raise InvalidInput where an entry is one of the shipped ones, which stay."""
        if entry.shipped:
            raise InvalidInput(f"{entry.id[:10]} is a shipped encoder, which stays; --no-shipped keeps it out of sight")

    def faults(self) -> dict[Path, str]:
        """Every damaged file and what is wrong with it, in one sentence."""
        return {path: fault for folder in self._all_folders for path, fault in folder.faults().items()}

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Read, recompute and prove every file anew: its path, and what is wrong with it or None."""
        for folder in self._all_folders:
            yield from folder.verify()

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file of the user's directory into its folder `damaged`; returns where it is now."""
        for folder in (self._own, self._ancestors[0].folder):
            if path.parent == folder.directory:
                return folder.set_aside(path.name)
        raise InvalidInput(f"{path} is not in the catalog folder {self.directory}, so it stays where it is")

    def reindex(self) -> int:
        """Build the index anew from the files, and delete ancestors of nothing; returns how many files there are."""
        entries = sum(folder.reindex() for folder in self.folders)
        self._ancestors[0].prune()
        return entries + sum(ancestors.folder.reindex() for ancestors in self._ancestors)

    @property
    def _all_folders(self) -> list[Folder]:
        """The folders, and those of the ancestors of what is in them."""
        return [*self.folders, *(ancestors.folder for ancestors in self._ancestors)]

    def __len__(self) -> int:
        return len(self._find(Query()))

    def _find(self, query: Query) -> list[Entry]:
        """Entries in no order; one that is in both folders counts as the user's."""
        condition, values = query.condition()
        found: dict[str, Entry] = {}
        for folder in self.folders:
            try:
                entries = [self._entry(row, folder) for row in folder.rows(condition, values)]
            except (ValueError, TypeError):  # a row that no encoder can have: the index is not to be trusted
                folder.reindex()
                entries = [self._entry(row, folder) for row in folder.rows(condition, values)]
            for entry in entries:
                found.setdefault(entry.id, entry)
        return list(found.values())

    def _entry(self, row: Mapping[str, Any], folder: Folder) -> Entry:
        return Entry.from_row(
            row, folder.directory, shipped=folder is self._shipped, load=lambda: folder.load(row["name"]).encoder
        )


def _spans(numbers: Iterable[int]) -> str:
    """Sorted integers with runs shortened: 16–40, 48."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
