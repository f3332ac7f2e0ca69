"""Dicyclic and generalised quaternion groups."""

from __future__ import annotations

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup


def dicyclic(n: int) -> FiniteGroup:
    """Build the dicyclic group ⟨a, b | a²ⁿ = 1, b² = aⁿ, b a b⁻¹ = a⁻¹⟩ of order 4n.

    Element aⁱbʲ has the number 2i + j. If n is a power of two, the group is the generalised quaternion group Q_{4n}; n
    = 2 gives Q8 = {±1, ±i, ±j, ±k}.

    Parameters
    ----------
    n : int
        A quarter of the order, at least 1.

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
    >>> dicyclic(2).name, dicyclic(3).name
    ('Q8', 'Dic3')
    """
    if n < 1:
        raise InvalidInput(f"a dicyclic group of order {4 * n} does not exist; give a positive n")
    i, j = np.divmod(np.arange(4 * n), 2)
    flips = j[:, None] & j[None, :]
    power = (i[:, None] + np.where(j[:, None] == 1, -i, i) + n * flips) % (2 * n)
    table = 2 * power + (j[:, None] ^ j[None, :])
    quaternion = n > 1 and n & (n - 1) == 0
    return FiniteGroup(f"Q{4 * n}" if quaternion else f"Dic{n}", table)
