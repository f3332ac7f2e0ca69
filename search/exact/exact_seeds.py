"""The exact encoder a search can always start from, and exact encoders in better bases."""

from __future__ import annotations

from functools import lru_cache

from stl_algebra import Format, InvalidInput, TileEncoder
from stl_algebra.schemes import Derivation, best_composed
from stl_algebra.symmetry import least_growth


@lru_cache(maxsize=64)
def derivation(format: Format) -> Derivation:
    """How the exact encoder of least rank is composed from known schemes.

    >>> derivation(Format(4, 4, 4)).rank
    49
    """
    return best_composed(format)


def exact_seed(format: Format) -> TileEncoder:
    """That encoder.

    >>> exact_seed(Format(3, 3, 3)).ring.value
    'Z'
    """
    return derivation(format).encoder


def in_better_bases(encoder: TileEncoder) -> TileEncoder:
    """An exact encoder with nearly the least growth of its orbit, still exact.

    The encoder itself if its format has more than 64 products, if growth has no minimum on the orbit, or if bases
    near the minimum make coefficients too large to be exact. The bases are multiples of 1/8, so the ring is Z[1/2] at
    least.

    >>> from stl_algebra import strassen
    >>> in_better_bases(strassen()).growth < strassen().growth
    True
    """
    if encoder.format.products > 64:
        return encoder
    try:
        return least_growth(encoder, 8)
    except InvalidInput:
        return encoder
