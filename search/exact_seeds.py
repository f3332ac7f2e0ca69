"""The exact encoder a search can always start from."""

from __future__ import annotations

from functools import lru_cache

from stl_algebra import Format, TileEncoder
from stl_algebra.schemes import Derivation, best_composed


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
