"""The SQLite index of a folder of encoder files: derived from them, and never more than a cache."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from catalog.lock import held

#: name, size and mtime_ns identify the state of a file; `fault` is why it is not an encoder, or NULL.
COLUMNS = (
    "name TEXT PRIMARY KEY",
    "size INTEGER NOT NULL",
    "mtime_ns INTEGER NOT NULL",
    "fault TEXT",
    "id TEXT",
    "n INTEGER",
    "m INTEGER",
    "p INTEGER",
    "rank INTEGER",
    "ring TEXT",
    "relative_error REAL",
    "growth REAL",
    "strategy TEXT",
    "provenance TEXT",
)
_TABLE = f"CREATE TABLE IF NOT EXISTS files ({', '.join(COLUMNS)}) WITHOUT ROWID"
#: The second one holds all that a look at the directory compares, without the long provenance beside it.
_INDICES = (
    "CREATE INDEX IF NOT EXISTS by_format ON files (n, m, p, rank)",
    "CREATE INDEX IF NOT EXISTS states ON files (name, size, mtime_ns, fault)",
)
#: Any change to the table gives another fingerprint, and an index with another is rebuilt.
_FINGERPRINT = int.from_bytes(hashlib.sha256("".join((_TABLE, *_INDICES)).encode()).digest()[:4], "little") >> 1

#: SQLite's codes for a file whose content is at fault, and for a lock that another process held too long.
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_TRANSIENT = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
#: How often one place is tried before the next one is.
ATTEMPTS = 5

Row = tuple[object, ...]
Result = TypeVar("Result")


class Index:
    """Rows of COLUMNS by file name, in the first of several places that works, at worst in memory.

    Many processes may read and write at once: SQLite's write-ahead log orders them, and a connection lasts for one
    call. A corrupt index is dropped and starts empty; the caller fills it again.

    Parameters
    ----------
    places : sequence of pathlib.Path
        The files to try, in order; none for memory.

    Examples
    --------
    >>> index = Index([])
    >>> index.put([("a.safetensors", 10, 20, "truncated") + (None,) * 10])
    >>> index.states()
    {'a.safetensors': (10, 20, 'truncated')}
    """

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = list(places)
        self._memory: sqlite3.Connection | None = None

    @property
    def place(self) -> Path | None:
        """The file in use, or None for memory."""
        return self._places[0] if self._places else None

    def states(self) -> dict[str, tuple[int, int, str | None]]:
        """Give the state of every file that the index knows.

        Returns
        -------
        dict of str to (int, int, str or None)
            Size, mtime_ns and fault by name.
        """
        rows = self.select("SELECT name, size, mtime_ns, fault FROM files INDEXED BY states")
        return {name: (size, mtime_ns, fault) for name, size, mtime_ns, fault in rows}

    def select(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Give all rows of a query on the table `files`.

        Parameters
        ----------
        query : str
            The query, with a question mark for each value.
        values : sequence
            The values.

        Returns
        -------
        list of sqlite3.Row
            The rows.
        """

        def fetch(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            return list(connection.execute(query, tuple(values)))

        return self._run(fetch)

    def put(self, rows: Iterable[Row]) -> None:
        """Insert or replace rows, in one transaction.

        Parameters
        ----------
        rows : iterable of tuple
            The rows, in the order of COLUMNS.
        """
        many = list(rows)

        def insert(connection: sqlite3.Connection) -> None:
            connection.executemany(f"INSERT OR REPLACE INTO files VALUES ({','.join('?' * len(COLUMNS))})", many)

        self._run(insert)

    def drop(self, names: Iterable[str]) -> None:
        """Delete the rows of some files.

        Parameters
        ----------
        names : iterable of str
            The names.
        """
        many = [(name,) for name in names]

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM files WHERE name = ?", many)

        self._run(delete)

    def clear(self) -> None:
        """Delete every row."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM files")

        self._run(delete)

    def _run(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do one transaction, moving on to the next place where this one cannot serve."""
        attempts = 0
        while self._places:
            place = self._places[0]
            try:
                with _guard(place, exclusive=False), contextlib.closing(_connect(place)) as connection, connection:
                    return action(connection)
            except (sqlite3.DatabaseError, OSError) as error:
                attempts += 1
                code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
                if attempts < ATTEMPTS and code in _TRANSIENT:
                    time.sleep(0.02 * attempts)
                elif attempts >= ATTEMPTS or code not in _CORRUPT or not _discard(place):
                    self._places.pop(0)
                    attempts = 0
        if self._memory is None:
            self._memory = _prepare(sqlite3.connect(":memory:", check_same_thread=False))
        with self._memory:
            return action(self._memory)


def _connect(place: Path) -> sqlite3.Connection:
    place.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(place, timeout=60.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return _prepare(connection)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection with the table of today in it."""
    connection.row_factory = sqlite3.Row
    if connection.execute("PRAGMA user_version").fetchone()[0] != _FINGERPRINT:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] != _FINGERPRINT:
                connection.execute("DROP TABLE IF EXISTS files")
                connection.execute(_TABLE)
                for statement in _INDICES:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {_FINGERPRINT}")
    return connection


def _discard(place: Path) -> bool:
    """Remove a corrupt index while no process has it open; whether that was possible.

    The write-ahead log must go with it, and never under another process's feet: a log replayed onto a
    newer file would corrupt that one. Hence the lock, which every connection shares while it lasts.
    """
    try:
        with _guard(place, exclusive=True):
            try:
                with contextlib.closing(sqlite3.connect(place, timeout=60.0)) as connection:
                    if connection.execute("PRAGMA quick_check").fetchone()[0] == "ok":
                        connection.execute("SELECT name, provenance FROM files LIMIT 1")
                        return True  # another process has already replaced it
            except sqlite3.DatabaseError:
                pass
            for suffix in ("", "-wal", "-shm"):
                place.with_name(place.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _guard(place: Path, *, exclusive: bool) -> AbstractContextManager[None]:
    """Hold the lock beside an index: shared while it is open, exclusive while it is replaced."""
    return held(place.with_name(f".{place.name}.lock"), exclusive=exclusive)
