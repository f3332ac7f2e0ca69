"""Dicyclic and generalised quaternion groups."""

from __future__ import annotations

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup


def dicyclic(n: int) -> FiniteGroup:
    """The dicyclic group of order 4n, ⟨a, b | a²ⁿ = 1, b² = aⁿ, b a b⁻¹ = a⁻¹⟩; aⁱbʲ is numbered 2i + j.

    For n a power of two it is the generalised quaternion group Q_{4n}; Q8 = {±1, ±i, ±j, ±k} is n = 2.

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
