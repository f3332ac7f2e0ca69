"""Where the program keeps files that no one named a place for."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def cached(directory: Path, ending: str) -> Path:
    """Give the path in the user's cache of a file that belongs to a directory.

    Parameters
    ----------
    directory : pathlib.Path
        The directory.
    ending : str
        How the file's name ends.

    Returns
    -------
    pathlib.Path
        The file.

    Examples
    --------
    >>> cached(Path("a"), "lock") == cached(Path("a"), "lock") != cached(Path("b"), "lock")
    True
    """
    from platformdirs import user_cache_path

    name = hashlib.sha256(os.fsencode(directory.absolute())).hexdigest()[:16]
    return user_cache_path("strassen-tile") / f"index-{name}.{ending}"


def usual_directory() -> Path:
    """Give the directory of the user's catalog if the user names none.

    Returns
    -------
    pathlib.Path
        The usual place of the system for data of a user; it need not exist.
    """
    from platformdirs import user_data_path

    return user_data_path("strassen-tile") / "catalog"
