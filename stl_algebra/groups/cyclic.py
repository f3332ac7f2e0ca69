"""Cyclic groups."""

from __future__ import annotations

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup


def cyclic(n: int) -> FiniteGroup:
    """Build the cyclic group Cₙ of the integers modulo n under addition.

    Element a is the number a.

    Parameters
    ----------
    n : int
        The order, at least 1.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If n is not positive.

    Examples
    --------
    >>> int(cyclic(5).table[3, 4])
    2
    """
    if n < 1:
        raise InvalidInput(f"a cyclic group of order {n} does not exist; give a positive order")
    a = np.arange(n)
    return FiniteGroup(f"C{n}", (a[:, None] + a) % n)
