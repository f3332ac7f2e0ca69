"""A lock file that processes share, or that one holds alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def held(lock: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold a lock file while the block lasts, at the latest until the process ends; its folder is made if need be.

    On Windows, which has no flock, a lock that could be shared is held alone as well.

    Parameters
    ----------
    lock : pathlib.Path
        The file.
    exclusive : bool
        Whether it is held alone, instead of shared with others that share it.

    Raises
    ------
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, held(Path(folder, "lock"), exclusive=True):
    ...     os.listdir(folder)
    ['lock']
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        with _flocked(handle, exclusive) if fcntl is not None else _held_alone(handle):
            yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _flocked(handle: int, exclusive: bool) -> Iterator[None]:
    fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    yield  # closing the file releases it


@contextlib.contextmanager
def _held_alone(handle: int) -> Iterator[None]:
    from filelock import lock_descriptor, unlock_descriptor

    lock_descriptor(handle)
    try:
        yield
    finally:
        unlock_descriptor(handle)
