"""Writing files so that a crash at any instant leaves the old content or the new, never a part."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

#: Temporary files start with this; whatever lists a folder passes them over.
TEMPORARY_PREFIX = ".writing-"


def write_atomically(path: Path, content: bytes) -> None:
    """Give `path` the content: temporary file in the same folder, fsync, rename, fsync of the folder.

    Returns when the file would survive a power failure. Raises OSError where the folder cannot be
    written; `path` is then as it was.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "name"), b"content")
    ...     os.listdir(folder)
    ['name']
    """
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable, where the system can open folders at all."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
