"""Reductions by linear dependencies among products that share a factor."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np

from search.flip_graph.scheme import Integers, Scheme
from stl_algebra import Ring

#: Products of a group that are looked at together: all combinations of their factors are tried.
MOST_OVER = {Ring.GF2: 12, Ring.Z: 7}


def reduced(scheme: Scheme) -> Scheme | None:
    """The scheme with one product less, where products that share a factor have linearly dependent second factors.

    If b' = Σ x_i b_i then a⊗b'⊗c' + Σ a⊗b_i⊗c_i = Σ a⊗b_i⊗(c_i + x_i c'). Over {−1, 0, 1} only combinations with
    such coefficients are tried, and only results that stay in the set are taken. None where nothing is found.

    >>> from stl_algebra import Format
    >>> a, b = np.ones((3, 1), np.int8), np.array([[1, 0], [0, 1], [1, 1]], np.int8)
    >>> reduced(Scheme(Format(1, 1, 2), (a, b, b), Ring.GF2)).rank
    2

    Source: Kauers, Moosbauer, Flip graphs for matrix multiplication, 2022 (definition of a reduction).
    """
    for slot in range(3):
        for group, signs in _sharing(scheme.factors[slot]):
            for second in ((slot + 1) % 3, (slot + 2) % 3):
                third = 3 - slot - second
                dependency = _dependency(scheme, group, second)
                if dependency is None:
                    continue
                dropped, others, coefficients = dependency
                factor = scheme.factors[third].astype(np.int64)
                sign_of = dict(zip(group, signs, strict=True))
                for other, x in zip(others, coefficients, strict=True):
                    factor[other] += sign_of[dropped] * sign_of[other] * x * factor[dropped]
                if scheme.ring is Ring.GF2:
                    factor %= 2
                elif np.abs(factor).max() > 1:
                    continue
                factors = list(scheme.factors)
                factors[third] = factor.astype(np.int8)
                u, v, w = (np.delete(f, dropped, axis=0) for f in factors)
                return Scheme(scheme.format, (u, v, w), scheme.ring)
    return None


def _sharing(factor: Integers) -> list[tuple[list[int], list[int]]]:
    """Groups of products whose factors in a slot agree up to sign, at least two each, and those signs."""
    groups: dict[bytes, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for s, row in enumerate(factor):
        leading = row[np.flatnonzero(row)[:1]]
        sign = int(leading[0]) if len(leading) else 1
        members, signs = groups[(sign * row).tobytes()]
        members.append(s)
        signs.append(sign)
    return [group for group in groups.values() if len(group[0]) > 1]


def _dependency(scheme: Scheme, group: list[int], slot: int) -> tuple[int, list[int], list[int]] | None:
    """A product of a group whose factor is a combination of the others': it, the others, the coefficients."""
    group = group[: MOST_OVER[scheme.ring]]
    rows = scheme.factors[slot][group].astype(np.int64)
    values = (0, 1) if scheme.ring is Ring.GF2 else (-1, 0, 1)
    combinations = np.array(list(product(values, repeat=len(group) - 1)))
    for i, dropped in enumerate(group):
        sums = combinations @ np.delete(rows, i, axis=0) - rows[i]
        if scheme.ring is Ring.GF2:
            sums %= 2
        solved = np.flatnonzero(~sums.any(axis=1))
        if len(solved):
            return dropped, group[:i] + group[i + 1 :], combinations[solved[0]].tolist()
    return None
