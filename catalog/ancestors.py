"""What kept encoders were made from: stored beside them, so that each can be made again, and no entries themselves."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from catalog.encoder_file import Stored
from catalog.folder import SUFFIX, Folder
from catalog.lock import held
from catalog.provenance import Provenance
from stl_algebra.errors import InvalidInput

#: The folder of ancestors beside the entries, and the lock that who adds shares and who deletes holds alone.
NAME, LOCK = "ancestors", ".lineage.lock"


class Ancestors:
    """The ancestors of the entries in a folder: files like theirs, in its subfolder `ancestors`.

    Only what was found by a trial has any: the parents it started from, theirs, and so on, as far as recipes go. An
    ancestor is stored after its own parents and before what was made from it, under a lock that keeps others from
    deleting meanwhile: a process that dies leaves at worst ancestors of nothing, which `prune` deletes.
    """

    def __init__(self, entries: Folder) -> None:
        self._entries = entries
        self.folder = Folder(entries.directory / NAME, read_only=entries.read_only, index_beside=entries.index_beside)
        self._lock = entries.index_place.with_name(LOCK)

    def load(self, id: str) -> Stored | None:
        """An entry or ancestor; of an encoder that is both the one with a recipe. None where it is neither."""
        if not re.fullmatch(r"[0-9a-f]{64}", id):
            return None
        found = []
        for folder in (self._entries, self.folder):
            with contextlib.suppress(InvalidInput):
                found.append(folder.load(f"{id}{SUFFIX}"))
        return next((stored for stored in found if stored.provenance.recipe), found[0] if found else None)

    @contextlib.contextmanager
    def adding(self, provenance: Provenance, find: Callable[[str], Stored | None]) -> Iterator[None]:
        """Store what an encoder of this provenance descends from, as far as `find` knows it, then run the block.

        Nothing stored is deleted meanwhile. Raises InvalidInput where the folder cannot be written.
        """
        if not _followed(provenance):
            yield
            return
        with self._held(exclusive=False, fault=f"the catalog folder {self._entries.directory} cannot be written"):
            for stored in descent(provenance, lambda id: None if self.load(id) else find(id)).values():
                self.folder.add(stored.encoder, stored.provenance)
            yield

    @contextlib.contextmanager
    def removing(self, id: str) -> Iterator[None]:
        """Keep an entry as an ancestor where others descend from it, run the block, which removes it, and prune."""
        with self._held(exclusive=True, fault=f"{self._entries.directory / id} cannot be removed"):
            if id in self._needed(without=id) and (stored := self.load(id)) is not None:
                self.folder.add(stored.encoder, stored.provenance)
            yield
            self._prune()

    def prune(self) -> None:
        """Delete what no entry descends from any more."""
        if self.folder.directory.is_dir() and not self._entries.read_only:
            with self._held(exclusive=True, fault=f"the catalog folder {self._entries.directory} cannot be written"):
                self._prune()

    def _prune(self) -> None:
        # What cannot be read, perhaps because a newer program wrote it, may descend from any of them.
        if self._entries.faults() or self.folder.faults():
            return
        needed = self._needed()
        for row in self.folder.rows():
            if row["id"] not in needed:
                self.folder.remove(row["name"])

    def _needed(self, without: str | None = None) -> set[str]:
        """The ids of all that the entries, but for one, descend from."""
        entries, others = _parents(self._entries), _parents(self.folder)
        waiting = [parent for id, parents in entries.items() if id != without for parent in parents]
        needed: set[str] = set()
        while waiting:
            if (id := waiting.pop()) not in needed:
                needed.add(id)
                waiting += [*entries.get(id, ()), *others.get(id, ())]
        return needed

    @contextlib.contextmanager
    def _held(self, *, exclusive: bool, fault: str) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(held(self._lock, exclusive=exclusive))
            except OSError as error:
                raise InvalidInput(f"{fault} ({error.strerror}); name another catalog with --catalog DIR") from error
            yield


def descent(provenance: Provenance, find: Callable[[str], Stored | None]) -> dict[str, Stored]:
    """All that an encoder of this provenance descends from, as far as `find` gives them, each after its own parents.

    Without recursion, since lines of descent are long; parents of what has no recipe are not followed.

    >>> descent(Provenance("als", lineage=("ab" * 32,)), lambda id: None)
    {}
    """
    reached: dict[str, Stored] = {}
    begun: dict[str, Stored | None] = {}
    waiting = [(id, False) for id in _followed(provenance)][::-1]
    while waiting:
        id, parents_done = waiting.pop()
        if parents_done:
            stored = begun[id]
            assert stored is not None
            reached[id] = stored
        elif id not in begun:
            begun[id] = stored = find(id)
            if stored is not None:
                waiting.append((id, True))
                waiting += [(parent, False) for parent in _followed(stored.provenance)][::-1]
    return reached


def _followed(provenance: Provenance) -> tuple[str, ...]:
    return provenance.lineage if provenance.recipe else ()


def _parents(folder: Folder) -> Mapping[str, Iterable[str]]:
    """The parents of every file of a folder, by id."""

    def read() -> dict[str, Iterable[str]]:
        return {row["id"]: _followed(Provenance.from_json(json.loads(row["provenance"]))) for row in folder.rows()}

    try:
        return read()
    except (ValueError, TypeError):  # a row that no encoder can have: the index is not to be trusted
        folder.reindex()
        return read()
