"""What a measured figure of a network must carry with it: the circumstances and, where it is told, the memory."""

from __future__ import annotations

import resource
import sys
from typing import Any

from search.circumstances import circumstances as circumstances_of


def circumstances(seed: int) -> dict[str, Any]:
    """As `search.circumstances`, with torch's version and its number of threads.

    >>> circumstances(0)["machine"]["threads"] > 0
    True
    """
    import torch

    found = circumstances_of(seed, "torch", "numpy")
    return {**found, "machine": {**found["machine"], "threads": torch.get_num_threads()}}


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes.

    >>> peak_memory() > 1_000_000
    True
    """
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
