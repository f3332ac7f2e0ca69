"""What a measured figure of a network must carry with it: the circumstances."""

from __future__ import annotations

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
