"""Cyclic groups."""

from __future__ import annotations

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup


def cyclic(n: int) -> FiniteGroup:
    """The cyclic group Cₙ: the integers modulo n under addition, element a is the number a.

    >>> int(cyclic(5).table[3, 4])
    2
    """
    if n < 1:
        raise InvalidInput(f"a cyclic group of order {n} does not exist; give a positive order")
    a = np.arange(n)
    return FiniteGroup(f"C{n}", (a[:, None] + a) % n)
