"""Isomorphisms and automorphisms, and invariants that tell groups apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import Elements, FiniteGroup
from stl_algebra.groups.structure import centre, conjugates, derived_subgroup

Invariant = tuple[int, ...]


def fingerprint(group: FiniteGroup) -> tuple[tuple[Invariant, int], ...]:
    """Compute an isomorphism invariant: how many elements have each order, class size and number of roots.

    It tells apart all groups of order up to 31.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    tuple of (tuple of int, int)
        The invariants of an element and the number of elements that have them, sorted.

    Examples
    --------
    >>> from stl_algebra.groups import abelian, elementary_abelian
    >>> fingerprint(abelian(4, 2)) == fingerprint(elementary_abelian(2, 3))
    False
    """
    return tuple(sorted(Counter(map(tuple, _invariants(group).tolist())).items()))


def are_isomorphic(first: FiniteGroup, second: FiniteGroup) -> bool:
    """Tell whether two groups are isomorphic.

    Parameters
    ----------
    first : FiniteGroup
        A group.
    second : FiniteGroup
        Another group.

    Returns
    -------
    bool
        True if an isomorphism exists.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic, direct_product, dihedral, symmetric
    >>> are_isomorphic(symmetric(3), dihedral(3)), are_isomorphic(cyclic(6), direct_product(cyclic(2), cyclic(3)))
    (True, True)
    """
    return fingerprint(first) == fingerprint(second) and next(isomorphisms(first, second), None) is not None


def automorphisms(group: FiniteGroup, limit: int = 50_000) -> Elements:
    """List all automorphisms of a group.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    limit : int, default 50000
        The largest number of automorphisms that is accepted.

    Returns
    -------
    ndarray of int64, shape (|Aut G|, |G|)
        The automorphisms as permutations of the elements, the identity among them.

    Raises
    ------
    InvalidInput
        If the group has more than `limit` automorphisms.

    Examples
    --------
    >>> from stl_algebra.groups import dicyclic
    >>> len(automorphisms(dicyclic(2)))
    24
    """
    found: list[Elements] = []
    for image in isomorphisms(group, group):
        if len(found) == limit:
            raise InvalidInput(f"group {group.name} has more than {limit} automorphisms; raise the limit")
        found.append(image)
    return np.array(found)


def isomorphisms(source: FiniteGroup, target: FiniteGroup) -> Iterator[Elements]:
    """Go through all isomorphisms from one group to another.

    Parameters
    ----------
    source : FiniteGroup
        The group G.
    target : FiniteGroup
        The other group.

    Yields
    ------
    ndarray of int64, shape (|G|,)
        The images of 0 … |G|−1 under an isomorphism.

    Notes
    -----
    Images of the generators are tried one by one among elements of the same invariants. A partial choice is continued
    as long as it defines an injective homomorphism on the subgroup generated so far.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> len(list(isomorphisms(cyclic(5), cyclic(5))))
    4
    """
    if source.order != target.order:
        return
    generators = list(source.generators)
    stages = [_words(source, generators[: k + 1]) for k in range(len(generators))]
    own, theirs = _invariants(source), _invariants(target)
    candidates = [np.flatnonzero((theirs == own[g]).all(axis=1)) for g in generators]

    def extend(images: list[int]) -> Iterator[Elements]:
        if len(images) == len(generators):
            final = _extension(source, target, stages[-1], generators, images) if images else None
            yield np.full(source.order, target.identity) if final is None else final
            return
        for image in candidates[len(images)]:
            chosen = [*images, int(image)]
            if _extension(source, target, stages[len(images)], generators, chosen) is not None:
                yield from extend(chosen)

    yield from extend([])


def _invariants(group: FiniteGroup) -> Elements:
    """For each element what every automorphism keeps, shape (|G|, 6)."""
    everything = np.arange(group.order)
    squares = group.table[everything, everything]
    cubes = group.table[squares, everything]
    commuting = (group.table == group.table.T).sum(axis=0)
    return np.stack(
        [
            group.element_orders,
            commuting,
            np.bincount(squares, minlength=group.order),
            np.bincount(cubes, minlength=group.order),
            np.isin(everything, centre(group)),
            np.isin(everything, derived_subgroup(group)),
        ],
        axis=1,
    ).astype(np.int64)


def _words(group: FiniteGroup, generators: list[int]) -> list[tuple[int, int, int]]:
    """Breadth first through ⟨generators⟩: (element, parent, step) with element = parent · generators[step]."""
    found = {group.identity}
    words, queue = [], [group.identity]
    for parent in queue:  # grows while it is walked
        for step, generator in enumerate(generators):
            element = int(group.table[parent, generator])
            if element not in found:
                found.add(element)
                queue.append(element)
                words.append((element, parent, step))
    return words


def _extension(
    source: FiniteGroup,
    target: FiniteGroup,
    words: list[tuple[int, int, int]],
    generators: list[int],
    images: list[int],
) -> Elements | None:
    """The homomorphism on ⟨generators⟩ with these images (−1 elsewhere), or None if it is not injective."""
    mapped = np.full(source.order, -1)
    mapped[source.identity] = target.identity
    for element, parent, step in words:
        mapped[element] = target.table[mapped[parent], images[step]]
    inside = np.flatnonzero(mapped >= 0)
    if len(np.unique(mapped[inside])) != len(inside):
        return None
    for generator, image in zip(generators, images, strict=False):
        if not np.array_equal(mapped[source.table[inside, generator]], target.table[mapped[inside], image]):
            return None
    return mapped


def inner_automorphisms(group: FiniteGroup) -> Elements:
    """List the distinct conjugations g ↦ x g x⁻¹.

    Parameters
    ----------
    group : FiniteGroup
        The group G with centre Z.

    Returns
    -------
    ndarray of int64, shape (|G/Z|, |G|)
        The conjugations as permutations of the elements.

    Examples
    --------
    >>> from stl_algebra.groups import dicyclic
    >>> len(inner_automorphisms(dicyclic(2)))
    4
    """
    return np.unique(conjugates(group), axis=0)
