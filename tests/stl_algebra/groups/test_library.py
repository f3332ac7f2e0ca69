"""The library holds one group of every isomorphism class, checked against known counts and invariants."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.groups import (
    FiniteGroup,
    are_isomorphic,
    automorphisms,
    conjugacy_classes,
    derived_subgroup,
    fingerprint,
    group_by_name,
    groups_of_order,
    inner_automorphisms,
    is_normal,
    library,
    subgroup_classes,
    subgroups,
)

ORDERS = range(1, 32)
#: The number of groups of order 0, 1, 2, … 31 (OEIS A000001).
NUMBER_OF_GROUPS = (0, 1, 1, 1, 2, 1, 2, 1, 5, 2, 2, 1, 5, 1, 2, 1, 14, 1, 5, 1, 5, 2, 2, 1, 15, 2, 2, 5, 4, 1, 4, 1)


@pytest.mark.parametrize("order", ORDERS)
def test_as_many_groups_as_there_are_pairwise_not_isomorphic(order: int) -> None:
    groups = groups_of_order(order)
    assert len(groups) == NUMBER_OF_GROUPS[order]
    assert all(group.order == order for group in groups)
    for first, second in combinations(groups, 2):
        assert fingerprint(first) != fingerprint(second), (first, second)


@pytest.mark.parametrize("order", ORDERS)
def test_the_fingerprint_is_invariant_and_isomorphism_finds_a_relabelling(order: int) -> None:
    rng = np.random.default_rng(order)
    for group in groups_of_order(order):
        relabel = rng.permutation(order)
        table = np.empty_like(group.table)
        table[np.ix_(relabel, relabel)] = relabel[group.table]
        other = FiniteGroup("relabelled", table)
        assert fingerprint(other) == fingerprint(group)
        assert are_isomorphic(group, other)


def test_names_are_unique() -> None:
    names = [group.name for group in library()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("order", [0, -3, 32])
def test_orders_outside_the_library(order: int) -> None:
    with pytest.raises(InvalidInput, match="order 1 to 31"):
        groups_of_order(order)


# Orders of automorphism groups, numbers of classes, of subgroups and of classes of subgroups, and the order
# of the derived subgroup: well-known values, written down independently of the code.
KNOWN = {
    "C2 x C2 x C2": (168, 8, 16, 16, 1),
    "C4 x C2": (8, 8, 8, 8, 1),
    "D4": (8, 5, 10, 8, 2),
    "Q8": (24, 5, 6, 6, 2),
    "C3 x C3": (48, 9, 6, 6, 1),
    "D6": (12, 6, 16, 10, 3),
    "Dic3": (12, 6, 8, 6, 3),
    "A4": (24, 4, 10, 5, 4),
    "D8": (32, 7, 19, 11, 4),
    "Q16": (32, 7, 11, 9, 4),
    "SD16": (16, 7, 15, 10, 4),
    "M16": (16, 10, 11, 10, 2),
    "F20": (20, 5, 14, 6, 5),
    "F21": (42, 5, 10, 4, 7),
    "S4": (24, 5, 30, 11, 12),
    "SL(2,3)": (24, 7, 15, 7, 8),
    "C2 x A4": (24, 8, 26, 12, 4),
    "He3": (432, 11, 19, 11, 3),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_structure(name: str) -> None:
    group = group_by_name(name)
    measured = (
        len(automorphisms(group)),
        len(conjugacy_classes(group)),
        len(subgroups(group)),
        len(subgroup_classes(group)),
        len(derived_subgroup(group)),
    )
    assert measured == KNOWN[name]


@pytest.mark.parametrize("name", ["D4", "Dic3", "A4", "S4", "F21"])
def test_automorphisms_form_a_group_with_the_inner_ones_inside(name: str) -> None:
    group = group_by_name(name)
    maps = {tuple(row) for row in automorphisms(group).tolist()}
    for row in maps:
        image = np.array(row)
        assert np.array_equal(image[group.table], group.table[np.ix_(image, image)])
        assert all(tuple(image[np.array(other)].tolist()) in maps for other in maps)
    assert {tuple(row) for row in inner_automorphisms(group).tolist()} <= maps


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_subgroups_and_classes_obey_lagrange(group: FiniteGroup) -> None:
    classes = conjugacy_classes(group)
    assert sorted(np.concatenate(classes).tolist()) == list(range(group.order))
    assert all(group.order % len(c) == 0 for c in classes)
    assert classes[0].tolist() == [group.identity]
    for subgroup in subgroups(group):
        assert group.order % len(subgroup) == 0
        assert np.isin(group.table[np.ix_(subgroup, subgroup)], subgroup).all()
    assert is_normal(group, derived_subgroup(group))
    assert all((len(c) == 1) == is_normal(group, c[0]) for c in subgroup_classes(group))


def test_too_many_automorphisms() -> None:
    with pytest.raises(InvalidInput, match="more than 100 automorphisms"):
        automorphisms(group_by_name("C2 x C2 x C2"), limit=100)
