"""The ids of encoders with their dimensions permuted: they follow from the ids alone, so they are kept for good."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from stl_algebra.format import Format

_TABLE = """
CREATE TABLE IF NOT EXISTS images (
    source TEXT NOT NULL, format TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL,
    PRIMARY KEY (source, format, id)
) WITHOUT ROWID
"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_id ON images (id)"
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

Result = TypeVar("Result")


class Images(NamedTuple):
    """The images of an encoder in one format.

    Parameters
    ----------
    ids : list of str
        Their ids in ascending order.
    key : str
        The least of their `products_key`s. Two encoders have the same images, up to the order and scaling of products,
        if they share it.
    """

    ids: list[str]
    key: str


class ImageIds:
    """A table of which encoder has which image in which format, in a file that processes share; else in memory.

    An id is a hash of an encoder's content, so an entry never becomes wrong. A file that cannot be used costs time,
    nothing else.

    Parameters
    ----------
    place : pathlib.Path or None
        The file; None keeps the table in memory.

    Examples
    --------
    >>> ids = ImageIds(None)
    >>> ids.put("aa", Format(2, 3, 4), Images(["bb"], "0123"))
    >>> ids.known(Format(2, 3, 4))
    {'aa': Images(ids=['bb'], key='0123')}
    >>> ids.sources("b")
    [('bb', 'aa', Format(n=2, m=3, p=4))]
    """

    def __init__(self, place: Path | None) -> None:
        self._place = place
        self._memory: sqlite3.Connection | None = None

    def known(self, format: Format) -> dict[str, Images]:
        """Give all images in a format that are recorded.

        Parameters
        ----------
        format : Format
            The format.

        Returns
        -------
        dict of str to Images
            By the id of what they are images of.
        """
        found: dict[str, Images] = {}
        query = "SELECT source, id, key FROM images WHERE format = ? ORDER BY source, id"
        for source, id, key in self._run(lambda table: list(table.execute(query, [str(format)]))):
            found.setdefault(source, Images([], key)).ids.append(id)
        return found

    def sources(self, prefix: str) -> list[tuple[str, str, Format]]:
        """Find the images whose ids start in a way.

        Parameters
        ----------
        prefix : str
            The first digits.

        Returns
        -------
        list of (str, str, Format)
            The id of each image, the id of what it is an image of, and its format.
        """
        query = "SELECT id, source, format FROM images WHERE id >= ? AND id <= ? ORDER BY id, source"
        rows = self._run(lambda table: list(table.execute(query, [prefix, prefix + "g"])))  # g follows f
        return [(id, source, Format.parse(format)) for id, source, format in rows]

    def put(self, source: str, format: Format, images: Images) -> None:
        """Record the images of an encoder in a format.

        Parameters
        ----------
        source : str
            The encoder's id.
        format : Format
            The format of the images.
        images : Images
            All its images in that format.
        """
        rows = [(source, str(format), id, images.key) for id in images.ids]
        self._run(lambda table: table.executemany("INSERT OR IGNORE INTO images VALUES (?, ?, ?, ?)", rows))

    def _run(self, action: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._place is not None:
            try:
                self._place.parent.mkdir(parents=True, exist_ok=True)
                with contextlib.closing(sqlite3.connect(self._place, timeout=10.0)) as table, table:
                    table.execute("PRAGMA synchronous = OFF")
                    return action(_prepared(table))
            except (sqlite3.Error, OSError) as error:
                if (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _CORRUPT:
                    with contextlib.suppress(OSError):
                        self._place.unlink()
                self._place = None
        if self._memory is None:
            self._memory = _prepared(sqlite3.connect(":memory:", check_same_thread=False))
        with self._memory:
            return action(self._memory)


def _prepared(table: sqlite3.Connection) -> sqlite3.Connection:
    table.execute(_TABLE)
    table.execute(_INDEX)
    return table
