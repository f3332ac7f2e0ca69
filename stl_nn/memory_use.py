"""How much memory this process has taken."""

from __future__ import annotations

import sys


def peak_memory() -> int | None:
    """The largest resident size of this process so far.

    Returns
    -------
    int or None
        Bytes; None on a system that does not report them, such as Windows.

    Examples
    --------
    >>> (peak_memory() or 1e9) > 1_000_000
    True
    """
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
