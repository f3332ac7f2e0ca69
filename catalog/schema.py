"""The version of an encoder file's record, and the steps that bring older records up to date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stl_algebra.errors import InvalidInput

Record = dict[str, Any]

#: The version that is written.
SCHEMA = 1

#: For each older version, the function that turns its record into that of the next version.
MIGRATIONS: dict[int, Callable[[Record], Record]] = {}


_NEWER = f"newer than {SCHEMA}; update strassen-tile to read it"


def is_newer(fault: str) -> bool:
    """Whether what is wrong with a file is that a newer program wrote it.

    Parameters
    ----------
    fault : str
        What is wrong with it, in the words of `upgrade`.

    Returns
    -------
    bool
        Whether that is the reason.
    """
    return fault.endswith(_NEWER)


def upgrade(record: Record) -> Record:
    """Bring a record to the version of today, through every migration in turn; the argument is not changed.

    Parameters
    ----------
    record : dict
        The record of an encoder.

    Returns
    -------
    dict
        The record in today's version.

    Raises
    ------
    InvalidInput
        If the version is missing, or newer than this program.

    Examples
    --------
    >>> upgrade({"schema": SCHEMA, "rank": 7})["rank"]
    7
    """
    version = record.get("schema")
    if type(version) is not int or version < 1:
        raise InvalidInput(f"its schema version {version!r} is not a positive integer")
    if version > SCHEMA:
        raise InvalidInput(f"it was written in schema {version}, {_NEWER}")
    while version < SCHEMA:
        record = MIGRATIONS[version](dict(record))
        version += 1
        record["schema"] = version
    return record
