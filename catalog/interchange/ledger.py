"""What was imported before, by the fingerprints of files: no more than a cache, which spares reading them again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Container, Sequence
from pathlib import Path

from catalog.places import cached

#: Longer ledgers start anew.
MAX_BYTES = 1 << 26


class Ledger:
    """The ids of the entries that imported files stand for, one line of JSON a file, in the user's cache.

    A line that cannot be read, or a ledger that cannot be written, costs time only.

    Parameters
    ----------
    directory : pathlib.Path
        The directory of the catalog.
    present : container of str
        The ids that the catalog holds: a file counts as known only if all its encoders are there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Ledger(Path(folder), []).ids("unknown")
    ()
    """

    def __init__(self, directory: Path, present: Container[str]) -> None:
        self._path = cached(directory, "imports.jsonl")
        self._ids: dict[str, tuple[str, ...]] = {}
        with contextlib.suppress(OSError, ValueError):
            if self._path.stat().st_size > MAX_BYTES:
                self._path.unlink()
            for line in self._path.read_text(encoding="utf-8").splitlines():
                self._take(line, present)

    @property
    def fingerprints(self) -> frozenset[str]:
        """The fingerprints of the files that are known."""
        return frozenset(self._ids)

    def ids(self, fingerprint: str) -> tuple[str, ...]:
        """Give the ids of the entries that a file stands for.

        Parameters
        ----------
        fingerprint : str
            The file.

        Returns
        -------
        tuple of str
            The ids; none if the file is not known.
        """
        return self._ids.get(fingerprint, ())

    def add(self, fingerprint: str, ids: Sequence[str]) -> None:
        """Note that a file was imported.

        Parameters
        ----------
        fingerprint : str
            The file.
        ids : sequence of str
            The ids of the entries that it stands for.
        """
        if not fingerprint or not ids:
            return
        self._ids[fingerprint] = tuple(ids)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([fingerprint, *ids]) + "\n")

    def _take(self, line: str, present: Container[str]) -> None:
        try:
            fingerprint, *ids = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            return
        if isinstance(fingerprint, str) and ids and all(isinstance(id, str) and id in present for id in ids):
            self._ids[fingerprint] = tuple(ids)
