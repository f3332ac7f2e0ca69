"""Maximal triples: against brute force, against published capacities, and all orders up to 12."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from search.triple_product import (
    largest_subgroup_triple,
    maximal_subset_triples,
    subgroup_triples,
    triple_product_capacity,
)
from stl_algebra.errors import InvalidInput
from stl_algebra.group_encoders import GroupMaps, group_encoder
from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    group_by_name,
    groups_of_order,
    has_triple_product_property,
    heisenberg,
    quotient_set,
    special_linear,
    subgroups,
)

UP_TO_12 = [group for order in range(1, 13) for group in groups_of_order(order)]


def _brute_force(group: FiniteGroup) -> set[tuple[int, int, int]]:
    """Every format n ≤ m ≤ p realised by subsets that hold the identity, straight from the definition."""
    others = [g for g in range(group.order) if g != group.identity]
    subsets = [(group.identity, *c) for size in range(group.order) for c in combinations(others, size)]
    found = set()
    for s in subsets:
        for t in subsets:
            if len(s) <= len(t) and len(s) * len(t) <= group.order:
                for u in subsets:
                    if len(t) <= len(u) <= group.order // len(t) and has_triple_product_property(group, s, t, u):
                        found.add((len(s), len(t), len(u)))
    return found


@pytest.mark.parametrize("group", [g for n in range(1, 7) for g in groups_of_order(n)], ids=lambda g: g.name)
def test_against_brute_force(group: FiniteGroup) -> None:
    formats = _brute_force(group)
    largest = {(n, m): max(p for a, b, p in formats if (a, b) == (n, m)) for n, m, _ in formats}
    assert {t.format[:2]: t.format[2] for t in maximal_subset_triples(group)} == largest


@pytest.mark.parametrize("group", UP_TO_12, ids=lambda g: g.name)
def test_all_groups_up_to_order_12(group: FiniteGroup) -> None:
    triples = maximal_subset_triples(group)
    for triple in triples:
        assert has_triple_product_property(group, triple.s, triple.t, triple.u)
        encoder = group_encoder(GroupMaps.from_subsets(group, triple.s, triple.t, triple.u))
        assert encoder.relative_error < 1e-20
    capacity = max(triple.size for triple in triples)
    if group.is_abelian:  # Cohn, Umans 2003, Lemma 3.1: no abelian group does better than its order
        assert capacity == group.order
    assert capacity >= group.order


# S3, the smallest group that beats its order, is in Cohn, Umans 2003; the others are kept against change.
@pytest.mark.parametrize(("name", "capacity"), [("D3", 8), ("D5", 12), ("D6", 16), ("A4", 18), ("Q8", 8), ("D4", 8)])
def test_capacities(name: str, capacity: int) -> None:
    assert triple_product_capacity(group_by_name(name)) == capacity


@pytest.mark.parametrize("name", ["D5", "Q8"])
def test_third_subsets_against_cliques_found_by_networkx(name: str) -> None:
    group = group_by_name(name)
    others = [g for g in range(group.order) if g != group.identity]
    best: dict[tuple[int, int], int] = {}
    for n, m in [(1, 1), (1, 2), (2, 2)]:
        for s in combinations(others, n - 1):
            for t in combinations(others, m - 1):
                first, second = quotient_set(group, [group.identity, *s]), quotient_set(group, [group.identity, *t])
                if (first & second).sum() == 1:
                    reached = group.table[np.ix_(np.flatnonzero(first), np.flatnonzero(second))]
                    allowed = np.isin(group.quotients, reached, invert=True)  # the quotient u v⁻¹ is not in Q(S)Q(T)
                    cliques = nx.find_cliques(nx.from_numpy_array(allowed & allowed.T))
                    best[n, m] = max(best.get((n, m), 0), *(len(c) for c in cliques))
    found = {triple.format[:2]: triple.format[2] for triple in maximal_subset_triples(group)}
    assert best == {sizes: found[sizes] for sizes in best}


@pytest.mark.parametrize("group", UP_TO_12, ids=lambda g: g.name)
def test_subgroup_triples_are_all_there(group: FiniteGroup) -> None:
    everything = subgroups(group)
    expected = {
        (len(s), len(t), len(u))
        for s in everything
        for t in everything
        for u in everything
        if len(s) <= len(t) <= len(u) and has_triple_product_property(group, s, t, u)
    }
    found = list(subgroup_triples(group))
    assert all(has_triple_product_property(group, *triple) for triple in found)
    assert {tuple(len(part) for part in triple) for triple in found} == expected
    best = np.prod([len(part) for part in largest_subgroup_triple(group)])
    assert best <= triple_product_capacity(group)


def test_subgroups_of_a_frobenius_group_realise_a_cube() -> None:
    assert (3, 3, 3) in {tuple(len(part) for part in triple) for triple in subgroup_triples(group_by_name("F21"))}


def test_too_large() -> None:
    with pytest.raises(InvalidInput, match="up to order 64"):
        maximal_subset_triples(special_linear(5))
    with pytest.raises(InvalidInput, match="too many"):
        maximal_subset_triples(heisenberg(4))


def test_order_16_on_the_largest_automorphism_group() -> None:
    assert triple_product_capacity(abelian(2, 2, 2, 2)) == 16
