"""What kept encoders were made from: stored beside them, so that each can be made again, and no entries themselves."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from catalog.encoder_file import Stored
from catalog.lock import held
from catalog.provenance import Provenance
from catalog.store import Store
from stl_algebra.errors import InvalidInput

#: The folder of ancestors beside the entries.
NAME = "ancestors"


class Ancestors:
    """The ancestors of the entries in a store: kept as they are, in its subfolder `ancestors`.

    Only what was found by a trial has any: the parents it started from, theirs, and so on, as far as recipes go. An
    ancestor is stored after its own parents and before what was made from it, under a lock that keeps others from
    deleting meanwhile: a process that dies leaves at worst ancestors of nothing, which `prune` deletes.

    Parameters
    ----------
    entries : Store
        The store of the entries.
    """

    def __init__(self, entries: Store) -> None:
        self._entries = entries
        self.store = entries.below(NAME)

    def load(self, id: str) -> Stored | None:
        """Give an entry or ancestor; of an encoder that is both, the one with a recipe.

        Parameters
        ----------
        id : str
            Its whole id.

        Returns
        -------
        Stored or None
            The encoder and its provenance; None if it is neither.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", id):
            return None
        found = []
        for store in (self._entries, self.store):
            with contextlib.suppress(InvalidInput):
                found.append(store.load(id))
        return next((stored for stored in found if stored.provenance.recipe), found[0] if found else None)

    @contextlib.contextmanager
    def adding(self, provenance: Provenance, find: Callable[[str], Stored | None]) -> Iterator[None]:
        """Store what an encoder descends from, then run the block that adds it; nothing stored is deleted meanwhile.

        Parameters
        ----------
        provenance : Provenance
            Where the encoder came from.
        find : callable
            Gives an encoder by its id, or None.

        Raises
        ------
        InvalidInput
            If the store cannot be written.
        """
        if not _followed(provenance):
            yield
            return
        with self._held(exclusive=False, fault=f"the catalog folder {self._entries.directory} cannot be written"):
            for stored in descent(provenance, lambda id: None if self.load(id) else find(id)).values():
                self.store.add(stored.encoder, stored.provenance)
            yield

    @contextlib.contextmanager
    def removing(self, id: str) -> Iterator[None]:
        """Keep an entry as an ancestor if others descend from it, run the block, which removes it, and prune.

        Parameters
        ----------
        id : str
            The id of the entry.
        """
        with self._held(exclusive=True, fault=f"{self._entries.directory / id} cannot be removed"):
            if id in self._needed(without=id) and (stored := self.load(id)) is not None:
                self.store.add(stored.encoder, stored.provenance)
            yield
            self._prune()

    def prune(self) -> None:
        """Delete what no entry descends from any more."""
        if self.store.directory.is_dir() and not self._entries.read_only:
            with self._held(exclusive=True, fault=f"the catalog folder {self._entries.directory} cannot be written"):
                self._prune()

    def _prune(self) -> None:
        # What cannot be read, perhaps because a newer program wrote it, may descend from any of them.
        if self._entries.failures() or self.store.failures():
            return
        needed = self._needed()
        for row in self.store.rows():
            if row["id"] not in needed:
                self.store.remove(row["id"])

    def _needed(self, without: str | None = None) -> set[str]:
        """The ids of all that the entries, but for one, descend from."""
        entries, others = _parents(self._entries), _parents(self.store)
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
                stack.enter_context(held(self._entries.lineage_lock, exclusive=exclusive))
            except OSError as error:
                raise InvalidInput(f"{fault} ({error.strerror}); name another catalog with --catalog DIR") from error
            yield


def descent(provenance: Provenance, find: Callable[[str], Stored | None]) -> dict[str, Stored]:
    """Collect all that an encoder descends from, as far as `find` gives it, each after its own parents.

    Lines of descent are long, so this works without recursion. Parents of what has no recipe are not followed.

    Parameters
    ----------
    provenance : Provenance
        Where the encoder came from.
    find : callable
        Gives an encoder by its id, or None.

    Returns
    -------
    dict of str to Stored
        By id.

    Examples
    --------
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


def _parents(store: Store) -> Mapping[str, Iterable[str]]:
    """The parents of every encoder of a store, by id."""

    def read() -> dict[str, Iterable[str]]:
        return {row["id"]: _followed(Provenance.from_json(json.loads(row["provenance"]))) for row in store.rows()}

    try:
        return read()
    except (ValueError, TypeError):  # a row that no encoder can have: the index is not to be trusted
        store.reindex()
        return read()
