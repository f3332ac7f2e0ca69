"""A table that is no group is refused with the axiom and the elements it fails on."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.groups import FiniteGroup, cyclic, dihedral, library

#: A loop of order 5: identity and two-sided inverses, but not associative.
LOOP = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1], [1, 2]], r"closure fails: 1·1 = 2"),
        ([[0, 1], [1, -1]], r"closure fails: 1·1 = -1"),
        ([[1, 0], [0, 0]], r"no identity"),
        ([[0, 0], [1, 1]], r"no identity: element 0 comes closest, but 0·1 = 0"),
        ([[0, 1], [0, 1]], r"no identity: element 0 comes closest, but 1·0 = 0"),
        ([[0, 1], [1, 1]], r"inverses fail: no element b has 1·b = 0"),
        (LOOP, r"associativity fails: \(1·1\)·2 = 2, but 1·\(1·2\) = 4"),
        ([[0, 1, 2], [1, 2, 0]], r"shape \(2, 3\)"),
        ([[]], r"shape \(1, 0\)"),
        ([[0.0, 1.0], [1.0, 0.5]], r"float64"),
        (np.zeros((3000, 3000), dtype=np.int64), r"up to order 2048"),
    ],
)
def test_the_failing_axiom_is_named(table: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        FiniteGroup("given", table)  # type: ignore[arg-type]


def test_every_changed_entry_of_a_group_table_is_found() -> None:
    table = dihedral(4).table
    for a, b in np.ndindex(table.shape):
        for other in set(range(8)) - {int(table[a, b])}:
            changed = table.copy()
            changed[a, b] = other
            with pytest.raises(InvalidInput, match=r"no identity|associativity|inverses"):
                FiniteGroup("changed", changed)


def test_the_identity_may_have_any_number() -> None:
    relabel = np.array([3, 0, 4, 1, 2])
    table = np.empty((5, 5), dtype=np.int64)
    table[np.ix_(relabel, relabel)] = relabel[cyclic(5).table]
    group = FiniteGroup("relabelled", table)
    assert group.identity == 3
    assert np.all(group.table[np.arange(5), group.inverses] == 3)


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_axioms_by_brute_force(group: FiniteGroup) -> None:
    table, everything = group.table, np.arange(group.order)
    assert np.array_equal(table[table], table[:, table])  # (a·b)·c and a·(b·c)
    assert np.array_equal(table[group.identity], everything)
    assert np.array_equal(table[:, group.identity], everything)
    assert np.all(table[everything, group.inverses] == group.identity)
    assert np.all([group.power(g, group.exponent) == group.identity for g in everything])
    assert group.order % group.exponent == 0 or group.exponent % group.order == 0


def test_a_table_cannot_be_changed() -> None:
    group = cyclic(3)
    with pytest.raises(ValueError, match="read-only"):
        group.table[0, 0] = 1


def test_elements_outside_the_group_are_refused() -> None:
    with pytest.raises(InvalidInput, match="elements 0 to 3; 7"):
        cyclic(4).subset([0, 7])
