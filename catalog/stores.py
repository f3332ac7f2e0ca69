"""The stores that one catalog reads: the user's and the shipped one, with their ancestors, and their upkeep."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from catalog.ancestors import Ancestors
from catalog.encoder_file import Stored
from catalog.folder import SUFFIX, Folder
from catalog.pack_file import is_pack
from catalog.packs import Packs
from catalog.store import Store
from stl_algebra.errors import InvalidInput


class Stores:
    """A directory of encoders of the user's, and one that is never written, each with its ancestors.

    Parameters
    ----------
    directory : pathlib.Path
        The user's directory.
    shipped : pathlib.Path or None
        The directory of the shipped encoders, if they are read.
    packed : bool
        Whether the user's directory is to hold packs.
    """

    def __init__(self, directory: Path, shipped: Path | None, *, packed: bool = False) -> None:
        self.directory = directory
        self._own = _store(directory, packed=packed)
        self._shipped = None if shipped is None else _store(shipped, read_only=True)
        #: In the order of `stores`.
        self._ancestors = [Ancestors(store) for store in self.stores]

    @property
    def stores(self) -> list[Store]:
        """The user's store of encoders, then the shipped one if it is read."""
        return [self._own, self._shipped] if self._shipped else [self._own]

    def ancestor(self, id: str) -> Stored | None:
        """Give an encoder that an entry was made from, whether it is an entry itself or not.

        Parameters
        ----------
        id : str
            Its whole id.

        Returns
        -------
        Stored or None
            The encoder and its provenance; None if the catalog does not hold it.
        """
        return next((stored for one in self._ancestors if (stored := one.load(id)) is not None), None)

    @property
    def ancestors_at_hand(self) -> bool:
        """Whether the ancestors of the shipped encoders are installed, or not needed as those are not read."""
        return self._shipped is None or self._ancestors[-1].store.directory.is_dir()

    def check_writable(self) -> None:
        """Make the user's directory and write a file there, to know before long work that its result can be kept.

        Raises
        ------
        InvalidInput
            If `add` could not write there.
        """
        self._own.check_writable()

    def failures(self) -> dict[Path, str]:
        """Find every damaged file.

        Returns
        -------
        dict of pathlib.Path to str
            What is wrong with each, in one sentence.
        """
        return {path: failure for store in self._all_stores for path, failure in store.failures().items()}

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Read every encoder, recompute its figures and prove it anew, ancestors included.

        Yields
        ------
        path : pathlib.Path
            The file that holds the encoder.
        failure : str or None
            What is wrong with it, in one sentence.
        """
        for store in self._all_stores:
            yield from store.verify()

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file of the user's directory into its folder `damaged`; of a pack, what is sound stays.

        Parameters
        ----------
        path : pathlib.Path
            The file, as `failures` and `verify` name it.

        Returns
        -------
        pathlib.Path
            Where the file is now.

        Raises
        ------
        InvalidInput
            If it is not in the user's directory, cannot be moved, or a newer program wrote it.
        """
        for store in (self._own, self._ancestors[0].store):
            if path.parent == store.directory:
                return store.set_aside(path)
        raise InvalidInput(f"{path} is not in the catalog folder {self.directory}, so it stays where it is")

    def reindex(self) -> int:
        """Build the index anew from the files, and delete ancestors of nothing.

        Returns
        -------
        int
            The number of files.
        """
        entries = sum(store.reindex() for store in self.stores)
        self._ancestors[0].prune()
        return entries + sum(ancestors.store.reindex() for ancestors in self._ancestors)

    @property
    def _all_stores(self) -> list[Store]:
        """The stores, and those of the ancestors of what is in them."""
        return [*self.stores, *(ancestors.store for ancestors in self._ancestors)]


def _store(directory: Path, *, read_only: bool = False, packed: bool = False) -> Store:
    """The store of a directory: packs if it is to hold them, or holds some; else single files.

    A pack among the single files of a user is a stray; a directory that is only read may hold either.
    """
    try:
        names = os.listdir(directory)
    except (OSError, ValueError):  # not there yet, or the store will say why not
        names = []
    single = any(re.fullmatch(rf"[0-9a-f]{{64}}{re.escape(SUFFIX)}", name) for name in names)
    if packed and single:
        raise InvalidInput(f"{directory} holds single encoder files, no packs; name another directory for packs")
    if packed or (any(map(is_pack, names)) and (read_only or not single)):
        return Packs(directory, read_only=read_only)
    return Folder(directory, read_only=read_only)
