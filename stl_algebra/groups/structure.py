"""Conjugacy classes, centre, derived subgroup and other parts of a group's structure."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stl_algebra.groups.group import Elements, FiniteGroup


def conjugacy_classes(group: FiniteGroup) -> tuple[Elements, ...]:
    """List the conjugacy classes {x g x⁻¹}: the class of the identity first, then by least element.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    tuple of ndarray of int64
        The classes, each sorted.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> [len(c) for c in conjugacy_classes(symmetric(3))]
    [1, 3, 2]
    """
    label = class_of(group)
    return tuple(np.flatnonzero(label == c) for c in range(label.max() + 1))


def class_of(group: FiniteGroup) -> Elements:
    """Number the conjugacy class of each element, in the order of `conjugacy_classes`.

    Parameters
    ----------
    group : FiniteGroup
        The group G.

    Returns
    -------
    ndarray of int64, shape (|G|,)
        The number of each element's class.
    """
    least = conjugates(group).min(axis=0)
    starts = np.unique(least)
    starts = np.concatenate([[least[group.identity]], starts[starts != least[group.identity]]])
    position = np.empty(group.order, dtype=np.int64)
    position[starts] = np.arange(len(starts))
    classes: Elements = position[least]
    return classes


def conjugates(group: FiniteGroup) -> Elements:
    """Compute all conjugates x·g·x⁻¹.

    Parameters
    ----------
    group : FiniteGroup
        The group G.

    Returns
    -------
    ndarray of int64, shape (|G|, |G|)
        The conjugates: entry [x, g] is x·g·x⁻¹.
    """
    return group.table[group.table, group.inverses[:, None]]


def centre(group: FiniteGroup) -> Elements:
    """List the elements that commute with all others.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    ndarray of int64
        The elements of the centre, sorted.

    Examples
    --------
    >>> from stl_algebra.groups import dihedral
    >>> len(centre(dihedral(4)))
    2
    """
    return np.flatnonzero(np.all(group.table == group.table.T, axis=0))


def generated_subgroup(group: FiniteGroup, elements: ArrayLike) -> Elements:
    """Compute the subgroup that some elements generate.

    Parameters
    ----------
    group : FiniteGroup
        The group.
    elements : array_like of int
        Numbers of elements.

    Returns
    -------
    ndarray of int64
        The elements of the subgroup, sorted.

    Raises
    ------
    InvalidInput
        If a number is not an element of the group.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> generated_subgroup(cyclic(6), [4]).tolist()
    [0, 2, 4]
    """
    members = np.union1d(group.subset(elements), [group.identity])
    while True:
        larger = np.unique(group.table[np.ix_(members, members)])
        if len(larger) == len(members):
            return members
        members = larger


def derived_subgroup(group: FiniteGroup) -> Elements:
    """Compute the subgroup that all commutators x y x⁻¹ y⁻¹ generate.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    ndarray of int64
        The elements of the subgroup, sorted.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> len(derived_subgroup(symmetric(4)))
    12
    """
    commutators = group.table[conjugates(group), group.inverses[None, :]]
    return generated_subgroup(group, np.unique(commutators))
