"""A lock file that processes share, or that one holds alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # a system without flock: nothing is guarded
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def held(lock: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold a lock file while the block lasts, at the latest until the process ends; its folder is made if need be.

    Raises OSError where it cannot be opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, held(Path(folder, "lock"), exclusive=True):
    ...     os.listdir(folder)
    ['lock']
    """
    if fcntl is None:
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)
