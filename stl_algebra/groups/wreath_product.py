"""Wreath products."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.direct_product import direct_product
from stl_algebra.groups.group import MAX_ORDER, FiniteGroup
from stl_algebra.groups.semidirect_product import semidirect_product


def wreath_product(base: FiniteGroup, top: FiniteGroup, action: ArrayLike | None = None) -> FiniteGroup:
    """Build the wreath product B ≀ H = Bᵏ ⋊ H, in which H permutes the k factors.

    Parameters
    ----------
    base : FiniteGroup
        The group B.
    top : FiniteGroup
        The group H.
    action : array_like of int, shape (|H|, k), optional
        How H acts on the places: action[h, i] is the place that h sends place i to. By default H acts on itself, which
        gives the regular wreath product with k = |H|.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If `action` is not an action of H, or the group has more than MAX_ORDER elements.

    References
    ----------
    .. [1] Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §2.

    Examples
    --------
    >>> from stl_algebra.groups.cyclic import cyclic
    >>> wreath_product(cyclic(2), cyclic(2)).order
    8
    """
    places = top.table if action is None else np.asarray(action, dtype=np.int64)
    if places.ndim != 2 or len(places) != top.order:
        raise InvalidInput(f"an action of {top.name} on places has one row for each of its {top.order} elements")
    k = places.shape[1]
    for h, row in enumerate(places):
        if not np.array_equal(np.sort(row), np.arange(k)):
            raise InvalidInput(f"element {h} of {top.name} does not act by a permutation of {k} places")
    if base.order**k * top.order > MAX_ORDER:
        raise InvalidInput(f"{base.name} wr {top.name} has more than {MAX_ORDER} elements")
    vectors = np.indices((base.order,) * k).reshape(k, -1).T
    weights = base.order ** np.arange(k)[::-1]
    moved = [vectors[:, np.argsort(row)] @ weights for row in places]  # entry at place i goes to place row[i]
    return semidirect_product(direct_product(*[base] * k), top, moved, f"{base.name} wr {top.name}")
