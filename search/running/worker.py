"""Worker processes that end with the process that started them."""

from __future__ import annotations

import logging
import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess


def prepare_worker() -> None:
    """For the workers of a search: Ctrl-C is the coordinator's to handle, and they do not outlive it.

    What the log says of compiled functions the coordinator has said already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("strassen_tile").setLevel(logging.ERROR)
    end_with_parent()


def end_with_parent() -> None:
    """For any worker: one whose parent is killed would go on, and then wait for work that nobody gives."""
    if (parent := parent_process()) is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
