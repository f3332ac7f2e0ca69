"""All subgroups of a group, one by one or up to conjugacy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import Elements, FiniteGroup
from stl_algebra.groups.structure import conjugates, generated_subgroup

#: More subgroups than this are refused; C2^6 has 2825.
MAX_SUBGROUPS = 4096


@lru_cache(maxsize=256)
def subgroups(group: FiniteGroup) -> tuple[Elements, ...]:
    """List all subgroups of a group, by size and then by elements.

    Cyclic subgroups are joined to known subgroups until nothing new appears.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    tuple of ndarray of int64
        The subgroups, each as its sorted elements.

    Raises
    ------
    InvalidInput
        If the group has more than MAX_SUBGROUPS subgroups.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> [len(h) for h in subgroups(symmetric(3))]
    [1, 2, 2, 2, 3, 6]
    """
    cyclic = {tuple(generated_subgroup(group, [g]).tolist()) for g in range(group.order)}
    found = {tuple(int(g) for g in c) for c in cyclic}
    queue = sorted(found)
    for known in queue:  # grows while it is walked
        inside = set(known)
        for extension in sorted(cyclic):
            if inside.issuperset(extension):
                continue
            join = tuple(_join(group, known, extension))
            if join not in found:
                if len(found) == MAX_SUBGROUPS:
                    raise InvalidInput(f"group {group.name} has more than {MAX_SUBGROUPS} subgroups")
                found.add(join)
                queue.append(join)
    return tuple(np.array(h, dtype=np.int64) for h in sorted(found, key=lambda h: (len(h), h)))


def subgroup_classes(group: FiniteGroup) -> tuple[tuple[Elements, ...], ...]:
    """List the conjugacy classes of subgroups, by size.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    tuple of tuple of ndarray of int64
        The classes, each a tuple of subgroups given by their sorted elements.

    Raises
    ------
    InvalidInput
        If the group has more than MAX_SUBGROUPS subgroups.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> [len(c) for c in subgroup_classes(symmetric(3))]
    [1, 3, 1, 1]
    """
    conjugate = conjugates(group)
    seen: set[tuple[int, ...]] = set()
    classes = []
    for subgroup in subgroups(group):
        if tuple(subgroup.tolist()) in seen:
            continue
        orbit = np.unique(np.sort(conjugate[:, subgroup], axis=1), axis=0)
        seen |= {tuple(row) for row in orbit.tolist()}
        classes.append(tuple(orbit))
    return tuple(classes)


def is_normal(group: FiniteGroup, subgroup: Elements) -> bool:
    """Tell whether a subgroup H is normal: x H x⁻¹ = H for every x.

    Parameters
    ----------
    group : FiniteGroup
        The group.
    subgroup : ndarray of int64
        The elements of H.

    Returns
    -------
    bool
        True if H is normal.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric, derived_subgroup
    >>> is_normal(symmetric(3), derived_subgroup(symmetric(3)))
    True
    """
    return bool(np.isin(conjugates(group)[:, subgroup], subgroup).all())


def _join(group: FiniteGroup, first: tuple[int, ...], second: tuple[int, ...]) -> list[int]:
    product = np.unique(group.table[np.ix_(first, second)])
    if np.array_equal(product, np.unique(group.table[np.ix_(second, first)])):  # HK = KH is a subgroup
        return [int(g) for g in product]
    return [int(g) for g in generated_subgroup(group, product)]
