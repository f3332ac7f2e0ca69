"""What the literature knows: best exact ranks and border ranks, to compare the catalog with."""

from __future__ import annotations

from stl_algebra.known_ranks import border_rank, exact_rank

__all__ = ["border_rank", "exact_rank", "naive_error"]


def naive_error(ratio: float) -> float:
    """Give the relative error of keeping r of the n·m·p products of the classical algorithm: 1 − r/(n·m·p).

    Parameters
    ----------
    ratio : float
        r / (n·m·p).

    Returns
    -------
    float
        The error, at least 0.

    Examples
    --------
    >>> naive_error(0.75)
    0.25
    """
    return max(0.0, 1.0 - ratio)
