"""Exact encoders built by construction, for a search to start from."""

from __future__ import annotations

from functools import lru_cache

from stl_algebra import Format, TileEncoder, classical, direct_sum, kronecker, strassen


@lru_cache(maxsize=512)
def exact_seed(format: Format) -> TileEncoder:
    """The exact encoder of least rank that Strassen, Kronecker products and direct sums give.

    >>> exact_seed(Format(4, 4, 4)).rank
    49
    """
    return _best(Format(*format))


@lru_cache(maxsize=4096)
def _rank(format: Format) -> tuple[int, str, int]:
    """(rank, how, where): how is classical, strassen (outermost) or the axis that is split at `where`."""
    best = (format.products, "classical", 0)
    if all(size % 2 == 0 for size in format):
        best = min(best, (7 * _rank(Format(*(size // 2 for size in format)))[0], "strassen", 0))
    for position, axis in enumerate("nmp"):
        for where in range(1, format[position] // 2 + 1):
            first, second = _split(format, position, where)
            rank = _rank(first)[0] + _rank(second)[0]
            if rank < best[0]:
                best = (rank, axis, where)
    return best


def _split(format: Format, position: int, where: int) -> tuple[Format, Format]:
    sizes = list(format)
    first, second = sizes.copy(), sizes.copy()
    first[position], second[position] = where, sizes[position] - where
    return Format(*first), Format(*second)


def _best(format: Format) -> TileEncoder:
    _, how, where = _rank(format)
    if how == "classical":
        return classical(format)
    if how == "strassen":
        return kronecker(strassen(), exact_seed(Format(*(size // 2 for size in format))))
    position = "nmp".index(how)
    first, second = _split(format, position, where)
    return direct_sum(exact_seed(first), exact_seed(second), "nmp"[position])  # type: ignore[arg-type]
