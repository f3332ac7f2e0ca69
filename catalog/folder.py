"""A folder of encoder files: immutable, named by content, indexed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from catalog.durable import TEMPORARY_PREFIX, probe, write_atomically
from catalog.encoder_file import DamagedFile, Stored, pack, read
from catalog.index import COLUMNS, Index, Row
from catalog.places import cached
from catalog.provenance import Provenance
from catalog.store import DAMAGED, Warnings, change, spare_newer
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

SUFFIX = ".safetensors"
#: The file of the index where it lies beside the others, which tells a catalog from other folders.
INDEX = "index.sqlite"
#: The lock beside the index that who adds a line of descent shares and who deletes from one holds alone.
LINEAGE_LOCK = ".lineage.lock"
#: A temporary file this old was left by a process that died.
ABANDONED_SECONDS = 3600.0

Item = TypeVar("Item")


class Folder:
    """The encoder files of one directory, each named by its encoder's id, and the index over them.

    Every look first compares names, sizes and times of the files with the index, and reads those that changed: files
    may come, go and break behind the catalog's back. A damaged one is named in a warning, once, and passed over. The
    index lives in the directory, or if that cannot be written in the user's cache. `Store` says what the methods
    promise.

    Parameters
    ----------
    directory : pathlib.Path
        The directory.
    read_only : bool
        Whether the directory is never written to.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.directory = directory
        self.read_only = read_only
        in_cache = cached(directory, "sqlite")
        places = [in_cache] if read_only else [directory / INDEX, in_cache]
        self.lineage_lock = places[0].with_name(LINEAGE_LOCK)
        self.index = Index(places)
        self._warnings = Warnings()

    def below(self, name: str) -> Folder:
        """The folder of encoder files in a subfolder."""
        return Folder(self.directory / name, read_only=self.read_only)

    def add(self, encoder: TileEncoder, provenance: Provenance) -> None:
        """Store an encoder durably; one that is there and sound already is left as it is.

        Raises InvalidInput where the directory cannot be written, or a newer program wrote the file.
        """
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only; name another with --catalog DIR")
        path = self.directory / _name(encoder.digest)
        if (fault := self._fault(path.name)) is None:
            self.refresh(only=path.name)
            return
        spare_newer(path, fault)
        content = pack(encoder, provenance)
        change(self.directory, lambda: write_atomically(path, content))
        # What was proved and written is not read and proved again: who imports thousands waits for that.
        for name, stamp in self._scan(path.name):
            self.index.put([_row(name, *stamp, Stored(encoder, provenance))])

    def check_writable(self) -> None:
        """Make the directory and write a file there, to know before long work that its result can be kept.

        Raises UnwritableFolder where that fails, and InvalidInput where a newer program wrote files here: writing
        among them could replace one by less than it held.
        """
        for path, fault in self.failures().items():
            spare_newer(path, fault)
        change(self.directory, lambda: probe(self.directory))

    def remove(self, id: str) -> None:
        """Delete the file of an encoder for good. Raises InvalidInput where that is not allowed."""
        name = _name(id)
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only: {name} stays")
        try:
            (self.directory / name).unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(f"{self.directory / name} cannot be removed ({error.strerror})") from error
        self.index.drop([name])

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file into the folder `damaged` beside the others, and return where it is now.

        Raises InvalidInput where that is not allowed, or a newer program wrote it, which is no damage.
        """
        name = path.name
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only: {name} stays")
        spare_newer(path, self._fault(name) or "")
        target = self.directory / DAMAGED / name
        try:
            target.parent.mkdir(exist_ok=True)
            (self.directory / name).replace(target)
        except OSError as error:
            raise InvalidInput(f"{self.directory / name} cannot be set aside ({error.strerror})") from error
        self.index.drop([name])
        return target

    def rows(
        self,
        condition: str = "1",
        values: Sequence[object] = (),
        format: Format | None = None,  # noqa: ARG002
    ) -> list[Mapping[str, Any]]:
        """Index rows of the sound files under a condition in SQL, after a look at the directory."""
        if not self.refresh():
            return []
        rows = self.index.select(f"SELECT * FROM files WHERE fault IS NULL AND ({condition})", values)
        return [dict(row) for row in rows]

    def row(self, id: str) -> Mapping[str, Any]:
        """The index row of one encoder, without a look at the rest of the directory."""
        name = _name(id)
        rows = self.index.select("SELECT * FROM files WHERE fault IS NULL AND name = ?", [name])
        if not rows:
            raise InvalidInput(f"{self.directory / name} is not in the catalog any more")
        return dict(rows[0])

    def path(self, row: Mapping[str, Any]) -> Path:
        """The file of an index row."""
        return self.directory / str(row["name"])

    def failures(self) -> dict[Path, str]:
        """Every damaged file and what is wrong with it, after a look at the directory."""
        if not self.refresh():
            return {}
        rows = self.index.select("SELECT name, fault FROM files WHERE fault IS NOT NULL ORDER BY name")
        return {self.directory / row["name"]: row["fault"] for row in rows}

    def load(self, id: str) -> Stored:
        """Read the file of an encoder and check it whole. Raises InvalidInput where it is missing or damaged."""
        return self._read(_name(id))

    def _read(self, name: str) -> Stored:
        """Read a file and check it whole. Raises DamagedFile, or InvalidInput where it cannot be read."""
        try:
            stored = read(self.directory / name)
        except OSError as error:
            raise InvalidInput(f"{self.directory / name} cannot be read ({error.strerror})") from error
        if name != f"{stored.encoder.digest}{SUFFIX}":
            raise DamagedFile(f"its name is not that of its content, {stored.encoder.digest}{SUFFIX}")
        return stored

    def reindex(self) -> int:
        """Build the index anew from the files, drop what dead writers left; returns the number of files."""
        if not os.path.exists(self.directory):
            return 0
        self.index.clear()
        self._sweep()
        self.refresh()
        return len(self.index.states())

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Read, recompute and prove every file, whatever the index says: its path, and what is wrong or None."""
        for batch in _batches(sorted(self._scan(None))):
            rows = [self._inspect(name, *stamp) for name, stamp in batch]
            self.index.put(rows)
            for row in rows:
                yield self.directory / str(row[0]), None if row[3] is None else str(row[3])

    def refresh(self, only: str | None = None) -> bool:
        """Bring the index up to date with the directory, or with one file of it.

        Parameters
        ----------
        only : str or None
            The name of the file; None for all.

        Returns
        -------
        bool
            Whether the directory is there.
        """
        if not os.path.exists(self.directory):  # which answers where a name is too long to ask after, too
            return False
        # The index first: a file that another process adds in between must not look as if it were gone.
        known = self.index.states() if only is None else {}
        found = dict(self._scan(only))
        changed = [name for name, stamp in found.items() if name not in known or known[name][:2] != stamp]
        faults = {name: fault for name, (_, _, fault) in known.items() if fault is not None and name in found}
        for batch in _batches(changed):
            rows = [self._inspect(name, *found[name]) for name in batch]
            self.index.put(rows)
            faults |= {str(row[0]): str(row[3]) for row in rows if row[3] is not None}
        if gone := known.keys() - found.keys():
            self.index.drop(gone)
        self._warnings.name({self.directory / name: fault for name, fault in faults.items()})
        return True

    def _scan(self, only: str | None) -> Iterator[tuple[str, tuple[int, int]]]:
        """(name, (size, mtime_ns)) of the encoder files; a directory that is not there yet has none."""
        try:
            if only is not None:
                status = (self.directory / only).stat()
                yield only, (status.st_size, status.st_mtime_ns)
                return
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    named = entry.name.endswith(SUFFIX) and not entry.name.startswith(".")
                    if named and (stamp := _stamp(entry)) is not None:
                        yield entry.name, stamp
        except FileNotFoundError:
            return
        except OSError as error:
            raise InvalidInput(f"the catalog folder {self.directory} cannot be read ({error.strerror})") from error

    def _inspect(self, name: str, size: int, mtime_ns: int) -> Row:
        """The index row of a file."""
        try:
            stored = self._read(name)
        except InvalidInput as error:
            return (name, size, mtime_ns, str(error), *[None] * (len(COLUMNS) - 4))
        return _row(name, size, mtime_ns, stored)

    def _fault(self, name: str) -> str | None:
        """What is wrong with a file, whatever the index says of it; None where it is sound."""
        try:
            self._read(name)
        except InvalidInput as error:
            return str(error)
        return None

    def _sweep(self) -> None:
        """Remove temporary files that no living writer can still own."""
        if self.read_only or not self.directory.is_dir():
            return
        for leftover in self.directory.glob(f"{TEMPORARY_PREFIX}*"):
            try:
                if time.time() - leftover.stat().st_mtime > ABANDONED_SECONDS:
                    leftover.unlink()
            except OSError:
                continue  # gone already, or not ours to remove


def _row(name: str, size: int, mtime_ns: int, stored: Stored) -> Row:
    """The index row of a sound file."""
    encoder, provenance = stored.encoder, stored.provenance
    return (
        *(name, size, mtime_ns, None, encoder.digest, *encoder.format, encoder.rank, str(encoder.ring)),
        *(encoder.relative_error, encoder.growth, provenance.strategy, json.dumps(provenance.as_json())),
    )


def _name(id: str) -> str:
    return f"{id}{SUFFIX}"


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int] | None:
    """(size, mtime_ns) of a file, None of a folder; a link that cannot be followed has its own, to be named a fault."""
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except FileNotFoundError:  # gone since it was listed
        return None
    except OSError:
        status = entry.stat(follow_symlinks=False)
    return status.st_size, status.st_mtime_ns


def _batches(items: Sequence[Item], size: int = 256) -> Iterator[Sequence[Item]]:
    """The items in runs, each of which becomes one transaction of the index."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
