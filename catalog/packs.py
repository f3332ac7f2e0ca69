"""A directory of packs: one file for each format, which holds all its encoders."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from catalog.durable import probe, write_atomically
from catalog.encoder_file import Stored
from catalog.index import Index, Row
from catalog.lock import held
from catalog.pack_file import (
    SUFFIX,
    Member,
    file_name,
    is_pack,
    member,
    read_encoder,
    read_members,
    read_records,
    write,
)
from catalog.places import cached
from catalog.provenance import Provenance
from catalog.store import DAMAGED, Warnings, change, spare_newer
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format


class Packs:
    """The encoders of one directory, all those of a format in one file, with their figures in its header.

    The headers are the index: what they say is believed for lists, and no encoder is proved before it is loaded. A
    header is read again only after its file changed. A damaged file is named in a warning, once, and hides no other.
    `Store` says what the methods promise.

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
        self._index = Index([])
        #: By the name of a file: its size and time when it was read, and then its records by id, or what is wrong.
        self._stamps: dict[str, tuple[int, int]] = {}
        self._records: dict[str, dict[str, dict[str, Any]]] = {}
        self._failures: dict[str, str] = {}
        self._warnings = Warnings()
        self._looking = Lock()

    @property
    def lineage_lock(self) -> Path:
        """The lock of lines of descent, in the user's cache: the directory holds packs and nothing else."""
        return cached(self.directory, "lineage.lock")

    def below(self, name: str) -> Packs:
        """The packs in a subfolder."""
        return Packs(self.directory / name, read_only=self.read_only)

    def add(self, encoder: TileEncoder, provenance: Provenance) -> None:
        """Write an encoder into the file of its format, durably."""
        id = encoder.digest
        with self._changing(file_name(encoder.format)) as members:
            if id not in members or self._fault(file_name(encoder.format), id) is not None:
                members[id] = member(encoder, provenance)

    def check_writable(self) -> None:
        """Make the directory and write a file there, to know before long work that its result can be kept."""
        for path, failure in self.failures().items():
            spare_newer(path, failure)
        change(self.directory, lambda: probe(self.directory))

    def remove(self, id: str) -> None:
        """Write the file of an encoder's format anew without it; a file of none goes."""
        with self._changing(self.path(self.row(id)).name) as members:
            members.pop(id, None)

    def set_aside(self, path: Path) -> Path:
        """Copy a file into the folder `damaged`, and keep of it what is sound."""
        self._refuse_read_only()
        target = self.directory / DAMAGED / path.name
        with self._locked():
            try:
                target.parent.mkdir(exist_ok=True)
                write_atomically(target, path.read_bytes())
                members = read_members(path)
            except InvalidInput as error:
                spare_newer(path, str(error))
                members = {}
            except OSError as error:
                raise InvalidInput(f"{path} cannot be set aside ({error.strerror})") from error
            self._replace(path, {id: one for id, one in members.items() if self._fault(path.name, id) is None})
        return target

    def rows(
        self, condition: str = "1", values: Sequence[object] = (), format: Format | None = None
    ) -> list[Mapping[str, Any]]:
        """Index rows of the encoders under a condition in SQL, after a look at the directory or one format's file."""
        self._refresh(None if format is None else file_name(format))
        return [dict(row) for row in self._index.select(f"SELECT * FROM files WHERE {condition}", values)]

    def row(self, id: str) -> Mapping[str, Any]:
        """The index row of one encoder."""
        self._place(id)
        return dict(self._index.select("SELECT * FROM files WHERE id = ?", [id])[0])

    def path(self, row: Mapping[str, Any]) -> Path:
        """The file of the format of an index row."""
        return self.directory / file_name(Format(row["n"], row["m"], row["p"]))

    def load(self, id: str) -> Stored:
        """An encoder, every figure recomputed and proved; a damaged one is named, and listed no more."""
        name = self._place(id)
        path = self.directory / name
        try:
            return read_encoder(path, self._records[name][id])
        except InvalidInput as error:
            self._index.drop([f"{name}/{id}"])
            self._warnings.name({path / id: str(error)})
            raise
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read ({error.strerror})") from error

    def failures(self) -> dict[Path, str]:
        """Every file whose header is damaged, and what is wrong with it."""
        self._refresh()
        return {self.directory / name: failure for name, failure in sorted(self._failures.items())}

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Recompute and prove every encoder of every file; a file that cannot be read counts as one."""
        self.reindex()
        for name, failure in sorted(self._failures.items()):
            yield self.directory / name, failure
        for name, records in sorted(self._records.items()):
            for id in sorted(records):
                fault = self._fault(name, id)
                yield self.directory / name, fault and f"encoder {id[:10]}: {fault}"

    def reindex(self) -> int:
        """Read every header anew; returns the number of files."""
        for name in list(self._stamps):
            self._forget(name)
        self._refresh()
        return len(self._stamps)

    def _place(self, id: str) -> str:
        """The name of the file that holds an encoder, as it is now. Raises InvalidInput where there is none."""
        self._refresh(self._name_of(id))
        if (name := self._name_of(id)) is None:
            raise InvalidInput(f"{self.directory} holds no encoder {id[:10]}")
        return name

    def _name_of(self, id: str) -> str | None:
        return next((name for name, records in self._records.items() if id in records), None)

    def _refresh(self, only: str | None = None) -> None:
        """Read the headers of the files that changed since the last look, or of one; forget what is gone."""
        found = self._scan(only)
        with self._looking:
            looked_at = [*self._stamps] if only is None else [only]
            for name in [name for name in looked_at if found.get(name) != self._stamps.get(name)]:
                self._forget(name)
            for name in sorted(found.keys() - self._stamps.keys()):
                try:
                    self._read(name)
                except InvalidInput as error:
                    self._failures[name] = str(error)
                except OSError as error:
                    self._failures[name] = f"it cannot be read ({error.strerror})"
                self._stamps[name] = found[name]
        self._warnings.name({self.directory / name: failure for name, failure in self._failures.items()})

    def _read(self, name: str) -> None:
        records = read_records(self.directory / name)
        self._index.put(_row(name, fields) for fields in records.values())
        self._records[name] = records

    def _forget(self, name: str) -> None:
        self._stamps.pop(name, None)
        self._failures.pop(name, None)
        self._index.drop(f"{name}/{id}" for id in self._records.pop(name, {}))

    def _scan(self, only: str | None) -> dict[str, tuple[int, int]]:
        """(size, mtime_ns) of the packs by name; a directory that is not there yet has none."""
        try:
            names = [only] if only is not None else [one for one in os.listdir(self.directory) if is_pack(one)]
            states = {name: (self.directory / name).stat() for name in names}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InvalidInput(f"the catalog folder {self.directory} cannot be read ({error.strerror})") from error
        return {name: (state.st_size, state.st_mtime_ns) for name, state in states.items()}

    def _fault(self, name: str, id: str) -> str | None:
        """What is wrong with an encoder of a file as it is now; None where it is sound."""
        try:
            self._refresh(name)
            read_encoder(self.directory / name, self._records[name][id])
        except InvalidInput as error:
            return str(error)
        except (OSError, KeyError):
            return "it cannot be read any more"
        return None

    @contextmanager
    def _changing(self, name: str) -> Iterator[dict[str, Member]]:
        """The members of a file by id, to be changed while no other process does; they are written afterwards."""
        self._refuse_read_only()
        path = self.directory / name
        with self._locked():
            try:
                members = read_members(path)
            except FileNotFoundError:
                members = {}
            except InvalidInput as error:
                spare_newer(path, str(error))
                way_out = "stl-catalog verify --set-aside keeps a copy and clears it away"
                raise InvalidInput(f"{path} is damaged ({error}); {way_out}") from error
            except OSError as error:
                raise InvalidInput(f"the catalog folder {self.directory} cannot be read ({error.strerror})") from error
            before = dict(members)
            yield members
            if members != before:
                self._replace(path, members)

    def _replace(self, path: Path, members: Mapping[str, Member]) -> None:
        """Give a file these members, or remove it where there are none."""
        if members:
            content = write(Format.parse(path.name.removesuffix(SUFFIX)), members)
            change(self.directory, lambda: write_atomically(path, content))
        else:
            change(self.directory, lambda: path.unlink(missing_ok=True))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(held(cached(self.directory, "packs.lock"), exclusive=True))
            except OSError as error:
                raise InvalidInput(f"{self.directory} cannot be changed: its lock fails ({error.strerror})") from error
            yield

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise InvalidInput(f"the catalog folder {self.directory} is read-only; name another with --catalog DIR")


def _row(name: str, fields: Mapping[str, Any]) -> Row:
    """The index row of a record, named by the file and the id."""
    provenance = fields["provenance"]
    return (
        *(f"{name}/{fields['id']}", 0, 0, None, fields["id"], *fields["format"], fields["rank"], fields["ring"]),
        *(fields["relative_error"], fields["growth"], provenance["strategy"], json.dumps(provenance)),
    )
