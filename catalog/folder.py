"""A folder of encoder files: immutable, named by content, indexed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from catalog.durable import TEMPORARY_PREFIX, probe, write_atomically
from catalog.encoder_file import DamagedFile, Stored, pack, read
from catalog.index import COLUMNS, Index, Row
from catalog.provenance import Provenance
from catalog.schema import is_newer
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput

SUFFIX = ".safetensors"
#: The file of the index where it lies beside the others, which tells a catalog from other folders.
INDEX = "index.sqlite"
#: The subfolder of damaged files that were set aside.
DAMAGED = "damaged"
#: A temporary file this old was left by a process that died.
ABANDONED_SECONDS = 3600.0

Item = TypeVar("Item")

_log = logging.getLogger("catalog")


class Folder:
    """The encoder files of one directory, each named by its encoder's id, and the index over them.

    Every look first compares names, sizes and times of the files with the index, and reads those that
    changed: files may come, go and break behind the catalog's back. A damaged one is named in a warning,
    once, and passed over. The index lives in the directory, or where that cannot be written in the
    user's cache. With `read_only` nothing is ever written to the directory; without `index_beside` the
    files alone are.
    """

    def __init__(self, directory: Path, *, read_only: bool = False, index_beside: bool = True) -> None:
        self.directory = directory
        self.read_only = read_only
        self.index_beside = index_beside
        places = _index_places(directory, beside=index_beside and not read_only)
        #: Where the index belongs; it may live elsewhere where that cannot be written.
        self.index_place = places[0]
        self.index = Index(places)
        self._warned: set[str] = set()

    def add(self, encoder: TileEncoder, provenance: Provenance) -> Path:
        """Store an encoder durably and return its file; one that is there and sound already is left as it is.

        Raises InvalidInput where the directory cannot be written, or a newer program wrote the file.
        """
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only; name another with --catalog DIR")
        path = self.directory / f"{encoder.digest}{SUFFIX}"
        if (fault := self._fault(path.name)) is not None:
            self._spare_newer(path, fault)
            content = pack(encoder, provenance)
            self._written(lambda: write_atomically(path, content))
        self.refresh(only=path.name)
        return path

    def check_writable(self) -> None:
        """Make the directory and write a file there, to know before long work that its result can be kept.

        Raises InvalidInput where that fails, or where a newer program wrote files here: writing among them could
        replace one by less than it held.
        """
        for path, fault in self.faults().items():
            self._spare_newer(path, fault)
        self._written(lambda: probe(self.directory))

    def _spare_newer(self, path: Path, fault: str) -> None:
        """Raise InvalidInput where a newer program wrote a file, by what is wrong with it: it is no damaged one."""
        if is_newer(fault):
            raise InvalidInput(
                f"the catalog {self.directory} holds files that a newer strassen-tile wrote, such as "
                f"{path.name[:10]}…; update strassen-tile, or name another directory with --catalog"
            )

    def _written(self, write: Callable[[], None]) -> None:
        """Make the directory and write to it, or say why that cannot be done."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            write()
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidInput(
                f"the catalog folder {self.directory} cannot be written ({reason}); name another with --catalog DIR"
            ) from error

    def remove(self, name: str) -> None:
        """Delete a file for good. Raises InvalidInput where that is not allowed."""
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only: {name} stays")
        try:
            (self.directory / name).unlink(missing_ok=True)
        except OSError as error:
            raise InvalidInput(f"{self.directory / name} cannot be removed ({error.strerror})") from error
        self.index.drop([name])

    def set_aside(self, name: str) -> Path:
        """Move a damaged file into the folder `damaged` beside the others, and return where it is now.

        Raises InvalidInput where that is not allowed, or a newer program wrote it, which is no damage.
        """
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only: {name} stays")
        self._spare_newer(self.directory / name, self._fault(name) or "")
        target = self.directory / DAMAGED / name
        try:
            target.parent.mkdir(exist_ok=True)
            (self.directory / name).replace(target)
        except OSError as error:
            raise InvalidInput(f"{self.directory / name} cannot be set aside ({error.strerror})") from error
        self.index.drop([name])
        return target

    def rows(self, condition: str = "1", values: Sequence[object] = ()) -> list[Mapping[str, Any]]:
        """Index rows of the sound files under a condition in SQL, after a look at the directory."""
        if not self.refresh():
            return []
        rows = self.index.select(f"SELECT * FROM files WHERE fault IS NULL AND ({condition})", values)
        return [dict(row) for row in rows]

    def row(self, name: str) -> Mapping[str, Any]:
        """The index row of one sound file, without a look at the rest of the directory."""
        rows = self.index.select("SELECT * FROM files WHERE fault IS NULL AND name = ?", [name])
        if not rows:
            raise InvalidInput(f"{self.directory / name} is not in the catalog any more")
        return dict(rows[0])

    def faults(self) -> dict[Path, str]:
        """Every damaged file and what is wrong with it, after a look at the directory."""
        if not self.refresh():
            return {}
        rows = self.index.select("SELECT name, fault FROM files WHERE fault IS NOT NULL ORDER BY name")
        return {self.directory / row["name"]: row["fault"] for row in rows}

    def load(self, name: str) -> Stored:
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
        """Bring the index up to date with the directory, or with one file of it; False where there is none."""
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
        self._warn(faults)
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
            stored = self.load(name)
        except InvalidInput as error:
            return (name, size, mtime_ns, str(error), *[None] * (len(COLUMNS) - 4))
        encoder, provenance = stored.encoder, stored.provenance
        return (
            *(name, size, mtime_ns, None, encoder.digest, *encoder.format, encoder.rank, str(encoder.ring)),
            *(encoder.relative_error, encoder.growth, provenance.strategy, json.dumps(provenance.as_json())),
        )

    def _fault(self, name: str) -> str | None:
        """What is wrong with a file, whatever the index says of it; None where it is sound."""
        try:
            self.load(name)
        except InvalidInput as error:
            return str(error)
        return None

    def _warn(self, faults: Mapping[str, str]) -> None:
        """Name each damaged file once."""
        for name in sorted(faults.keys() - self._warned):
            self._warned.add(name)
            kind = "file" if is_newer(faults[name]) else "damaged file"
            _log.warning("Skipping the %s %s: %s", kind, self.directory / name, faults[name])

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


def _index_places(directory: Path, *, beside: bool) -> list[Path]:
    """Where the index may live: with the files, else in the user's cache under the directory's name."""
    from platformdirs import user_cache_path

    name = hashlib.sha256(os.fsencode(directory.absolute())).hexdigest()[:16]
    in_cache = user_cache_path("strassen-tile") / f"index-{name}.sqlite"
    return [directory / INDEX, in_cache] if beside else [in_cache]
