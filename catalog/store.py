"""What a catalog needs of a place that keeps encoders: one interface, for single files and for packs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from catalog.encoder_file import Stored
from catalog.provenance import Provenance
from catalog.schema import is_newer
from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format

#: The subfolder of damaged files that were set aside.
DAMAGED = "damaged"

_log = logging.getLogger("catalog")


class UnwritableFolder(InvalidInput):
    """The system does not let a catalog folder be written."""


class Store(Protocol):
    """Encoders in a directory, found by id, and the index over them.

    Each encoder that `load` gives has been proved. Every look at the index first compares it with the files, which may
    come, go and break at any time; a damaged one is named in a warning, once, and passed over.
    """

    directory: Path
    read_only: bool

    @property
    def lineage_lock(self) -> Path:
        """The lock file that who adds a line of descent shares and who deletes from one holds alone."""

    def below(self, name: str) -> Store:
        """Give the store of the same kind in a subfolder.

        Parameters
        ----------
        name : str
            The subfolder.

        Returns
        -------
        Store
            The store; its directory need not exist.
        """

    def add(self, encoder: TileEncoder, provenance: Provenance) -> None:
        """Store an encoder durably; one that is there and sound already is left as it is.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder.
        provenance : Provenance
            Where it came from.

        Raises
        ------
        InvalidInput
            If the directory cannot be written, or a newer program wrote there.
        """

    def check_writable(self) -> None:
        """Make the directory and write a file there, to know before long work that its result can be kept.

        Raises
        ------
        InvalidInput
            If `add` could not write, or a newer program wrote there.
        """

    def remove(self, id: str) -> None:
        """Delete an encoder for good.

        Parameters
        ----------
        id : str
            Its id.

        Raises
        ------
        InvalidInput
            If that is not allowed.
        """

    def set_aside(self, path: Path) -> Path:
        """Put a damaged file into the folder `damaged`, and take what is damaged out of the store.

        Parameters
        ----------
        path : pathlib.Path
            The file.

        Returns
        -------
        pathlib.Path
            Where it is now.

        Raises
        ------
        InvalidInput
            If that is not allowed, or a newer program wrote the file, which is no damage.
        """

    def rows(
        self, condition: str = "1", values: Sequence[object] = (), format: Format | None = None
    ) -> list[Mapping[str, Any]]:
        """Give the index rows of the encoders under a condition, after a look at the directory.

        Parameters
        ----------
        condition : str
            A condition in SQL on the columns of `catalog.index.COLUMNS`, with a question mark for each value.
        values : sequence
            The values.
        format : Format or None
            The format that the condition asks for, if it asks for one: this spares a look at others.

        Returns
        -------
        list of mapping
            The rows, in no order.
        """

    def row(self, id: str) -> Mapping[str, Any]:
        """Give the index row of one encoder.

        Parameters
        ----------
        id : str
            Its id.

        Returns
        -------
        mapping
            The row.

        Raises
        ------
        InvalidInput
            If there is none.
        """

    def path(self, row: Mapping[str, Any]) -> Path:
        """Give the file that holds the encoder of an index row.

        Parameters
        ----------
        row : mapping
            The row.

        Returns
        -------
        pathlib.Path
            The file.
        """

    def load(self, id: str) -> Stored:
        """Read an encoder: every figure is recomputed, the ring proved.

        Parameters
        ----------
        id : str
            Its id.

        Returns
        -------
        Stored
            The encoder and its provenance.

        Raises
        ------
        InvalidInput
            If it is missing or damaged.
        """

    def failures(self) -> dict[Path, str]:
        """Find every damaged file, after a look at the directory.

        Returns
        -------
        dict of pathlib.Path to str
            What is wrong with each.
        """

    def verify(self) -> Iterator[tuple[Path, str | None]]:
        """Recompute and prove every encoder, whatever the index says.

        Yields
        ------
        path : pathlib.Path
            The file that holds it.
        failure : str or None
            What is wrong with it.
        """

    def reindex(self) -> int:
        """Build the index anew.

        Returns
        -------
        int
            The number of files.
        """


class Warnings:
    """Names each damaged file of a directory once."""

    def __init__(self) -> None:
        self._named: set[Path] = set()

    def name(self, failures: Mapping[Path, str]) -> None:
        """Log what is wrong with those files that have not been named yet.

        Parameters
        ----------
        failures : mapping of pathlib.Path to str
            What is wrong with each.
        """
        for path in sorted(failures.keys() - self._named):
            self._named.add(path)
            kind = "file" if is_newer(failures[path]) else "damaged file"
            _log.warning("Skipping the %s %s: %s", kind, path, failures[path])


def change(directory: Path, action: Callable[[], None]) -> None:
    """Make a directory and change what is in it.

    Parameters
    ----------
    directory : pathlib.Path
        The directory.
    action : callable
        The change.

    Raises
    ------
    UnwritableFolder
        If the system does not allow it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        action()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnwritableFolder(
            f"the catalog folder {directory} cannot be written ({reason}); name another with --catalog DIR"
        ) from error


def spare_newer(path: Path, failure: str) -> None:
    """Refuse to touch a file that a newer program wrote: it is no damaged one.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    failure : str
        What is wrong with it.

    Raises
    ------
    UnwritableFolder
        If that is that a newer program wrote it.
    """
    if is_newer(failure):
        name = f"{path.name[:10]}…" if len(path.name) > 64 else path.name
        raise UnwritableFolder(
            f"the catalog {path.parent} holds files that a newer strassen-tile wrote, such as {name}; "
            "update strassen-tile, or name another directory with --catalog"
        )
