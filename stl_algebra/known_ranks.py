"""The smallest ranks known in the literature, exact and in the limit."""

from __future__ import annotations

from stl_algebra.format import Format
from stl_algebra.known_rank_table import BORDER_RANKS, RANKS, KnownRank
from stl_algebra.ring import Ring

#: Which rings' schemes compute over a ring as well.
_SERVED_BY: dict[Ring, tuple[Ring, ...]] = {
    Ring.Z: (Ring.Z,),
    Ring.DYADIC: (Ring.DYADIC, Ring.Z),
    Ring.Q: (Ring.Q, Ring.DYADIC, Ring.Z),
    Ring.R: (Ring.Q, Ring.DYADIC, Ring.Z),
    Ring.GF2: (Ring.GF2, Ring.Z),
}
__all__ = [
    "KnownRank",
    "border_rank",
    "computes_over",
    "exact_rank",
    "known_border_rank",
    "known_rank",
    "recorded_formats",
]

_CLASSICAL = "the classical algorithm, which is optimal here"


def known_rank(format: Format, ring: Ring = Ring.Q) -> KnownRank | None:
    """Look up the smallest exact rank known for a format over a ring.

    A scheme over Z computes over every ring, one over Z[1/2] over Q and R as well.

    Parameters
    ----------
    format : Format
        The format, its dimensions in any order: the rank does not depend on it.
    ring : Ring, default Ring.Q
        The ring of the coefficients. R gives what is known over Q.

    Returns
    -------
    KnownRank or None
        The rank and its source; n·m·p if a dimension is 1; None if no rank is recorded.

    Examples
    --------
    >>> known_rank(Format(5, 2, 4)).rank, known_rank(Format(5, 2, 4), Ring.Z).rank
    (32, 33)
    >>> known_rank(Format(4, 4, 4), Ring.GF2)
    KnownRank(rank=47, source='AlphaTensor: Fawzi et al., Nature 610, 2022')
    """
    if min(format) == 1:
        return KnownRank(Format(*format).products, _CLASSICAL)
    recorded = RANKS.get(_ordered(format), {})
    found = [KnownRank(*recorded[one]) for one in _SERVED_BY[ring] if one in recorded]
    return min(found, key=lambda known: known.rank, default=None)


def exact_rank(format: Format) -> int | None:
    """Look up the smallest exact rank known for a format over Q.

    Parameters
    ----------
    format : Format
        The format, its dimensions in any order.

    Returns
    -------
    int or None
        The rank over Q; n·m·p if a dimension is 1; None if no rank is recorded.

    Examples
    --------
    >>> exact_rank(Format(4, 3, 2))
    20
    """
    known = known_rank(format)
    return None if known is None else known.rank


def known_border_rank(format: Format) -> KnownRank | None:
    """Look up the smallest upper bound known on the border rank of a format.

    The border rank is the least rank of algorithms whose error can be made as small as one likes.

    Parameters
    ----------
    format : Format
        The format, its dimensions in any order.

    Returns
    -------
    KnownRank or None
        The bound and its source; None if none is recorded.

    References
    ----------
    .. [1] Landsberg, Tensors: Asymptotic Geometry and Developments 2016–2018, AMS, 2019.

    Examples
    --------
    >>> known_border_rank(Format(5, 5, 5)).rank
    89
    """
    recorded = BORDER_RANKS.get(_ordered(format))
    return None if recorded is None else KnownRank(*recorded)


def border_rank(format: Format) -> int | None:
    """Look up the smallest upper bound known on the border rank, without its source.

    Parameters
    ----------
    format : Format
        The format, its dimensions in any order.

    Returns
    -------
    int or None
        The bound; None if none is recorded.

    Examples
    --------
    >>> border_rank(Format(4, 2, 2))
    13
    """
    known = known_border_rank(format)
    return None if known is None else known.rank


def computes_over(ring: Ring, other: Ring) -> bool:
    """Tell whether every scheme over one ring is a scheme over another as well.

    Parameters
    ----------
    ring : Ring
        The ring of the scheme.
    other : Ring
        The ring over which it is to compute.

    Returns
    -------
    bool
        Whether it does. Schemes over Q with odd denominators compute over GF(2), but not every scheme over Q does.

    Examples
    --------
    >>> computes_over(Ring.Z, Ring.GF2), computes_over(Ring.DYADIC, Ring.Z)
    (True, False)
    """
    return ring in _SERVED_BY[other]


def recorded_formats() -> list[Format]:
    """List the formats whose ranks are recorded.

    Returns
    -------
    list of Format
        All ⟨n,m,p⟩ with 2 ≤ n ≤ m ≤ p ≤ 8, in order.

    Examples
    --------
    >>> len(recorded_formats())
    84
    """
    return [Format(*sizes) for sizes in sorted(RANKS)]


def _ordered(format: Format) -> tuple[int, int, int]:
    n, m, p = sorted(format)
    return n, m, p
