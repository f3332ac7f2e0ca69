"""Writing files so that a crash at any instant leaves the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

#: Temporary files start with this; whatever lists a folder passes them over.
TEMPORARY_PREFIX = ".writing-"
#: What a folder must have room for: a disk that is full still takes empty files.
PROBE_BYTES = 1 << 16


def write_atomically(path: Path, content: bytes) -> None:
    """Give a file new content: temporary file in the same folder, fsync, rename, fsync of the folder.

    When it returns, the file survives a power failure.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    content : bytes
        Its new content.

    Raises
    ------
    OSError
        If the folder cannot be written; the file is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "name"), b"content")
    ...     os.listdir(folder)
    ['name']
    """
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Give several files new contents as `write_atomically` does one: all are on disk before any is renamed.

    Parameters
    ----------
    contents : mapping of pathlib.Path to bytes
        The new contents.

    Raises
    ------
    OSError
        If there is no room for one of them; all files are then as they were.
    """
    with contextlib.ExitStack() as undo:
        written = [(_write_beside(path, content, undo), path) for path, content in contents.items()]
        for temporary, path in written:
            os.replace(temporary, path)
    for folder in {path.parent for path in contents}:
        sync_folder(folder)


def probe(folder: Path) -> None:
    """Write a file into a folder and remove it again.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If there is no room, or no permission.
    """
    with contextlib.ExitStack() as undo:
        _write_beside(folder / "probe", secrets.token_bytes(PROBE_BYTES), undo)


def _write_beside(path: Path, content: bytes, undo: contextlib.ExitStack) -> Path:
    """A temporary file with the content in the folder of a path, on disk; `undo` removes it if it is still there."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    undo.callback(temporary.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable, if the system can open folders at all.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
