"""Triples of subgroups with the triple product property."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stl_algebra.groups import FiniteGroup, subgroup_classes, subgroups

Triple = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def subgroup_triples(group: FiniteGroup) -> Iterator[Triple]:
    """All triples of subgroups with the property and |S| ≤ |T| ≤ |U|, S up to conjugacy.

    For subgroups the quotient sets are the subgroups themselves: S ∩ T = 1 and ST ∩ U = 1.

    >>> from stl_algebra.groups import symmetric
    >>> max(len(s) * len(t) * len(u) for s, t, u in subgroup_triples(symmetric(4)))
    36

    Source: Cohn, Umans, A group-theoretic approach to fast matrix multiplication, 2003, §2.
    """
    everything = subgroups(group)
    masks = np.zeros((len(everything), group.order), dtype=bool)
    for number, subgroup in enumerate(everything):
        masks[number, subgroup] = True
    sizes = np.array([len(subgroup) for subgroup in everything])
    for s, *_ in subgroup_classes(group):
        for t in everything:
            if len(t) < len(s) or len(np.intersect1d(s, t, assume_unique=True)) > 1:
                continue
            product = np.unique(group.table[np.ix_(s, t)])
            fits = (masks[:, product].sum(axis=1) == 1) & (sizes >= len(t))
            for row in np.flatnonzero(fits):
                yield tuple(s.tolist()), tuple(t.tolist()), tuple(everything[int(row)].tolist())


def largest_subgroup_triple(group: FiniteGroup) -> Triple:
    """A triple of subgroups with the property and the largest |S||T||U|, as `subgroup_triples` gives them.

    >>> from stl_algebra.groups import cyclic
    >>> [len(part) for part in largest_subgroup_triple(cyclic(6))]
    [1, 1, 6]
    """
    return max(subgroup_triples(group), key=lambda triple: len(triple[0]) * len(triple[1]) * len(triple[2]))
