"""The triple product property against its definition by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.groups import (
    FiniteGroup,
    cyclic,
    groups_of_order,
    has_simultaneous_triple_product_property,
    has_triple_product_property,
    is_local_strong_puzzle,
    puzzle_triples,
    symmetric,
)


def _by_definition(group: FiniteGroup, s: list[int], t: list[int], u: list[int]) -> bool:
    for a, a2, b, b2, c, c2 in product(s, s, t, t, u, u):
        q = group.quotients
        value = group.table[group.table[q[a, a2], q[b, b2]], q[c, c2]]
        if value == group.identity and (a, b, c) != (a2, b2, c2):
            return False
    return True


@pytest.mark.parametrize("order", [6, 8, 12])
def test_against_the_definition(order: int) -> None:
    rng = np.random.default_rng(order)
    outcomes = set()
    for group in groups_of_order(order):
        for _ in range(40):
            s, t, u = ([int(g) for g in rng.choice(order, rng.integers(1, 4), replace=False)] for _ in range(3))
            expected = _by_definition(group, s, t, u)
            outcomes.add(expected)
            assert has_triple_product_property(group, s, t, u) == expected
            assert has_simultaneous_triple_product_property(group, [(s, t, u)]) == expected
    assert outcomes == {True, False}


def test_simultaneous_property_against_the_definition() -> None:
    rng = np.random.default_rng(0)
    outcomes = []
    for trial in range(200):
        group = (cyclic(12), symmetric(4))[trial % 2]
        triples = [
            tuple([int(g) for g in rng.choice(group.order, 1 + (rng.random() < 0.4), replace=False)] for _ in range(3))
            for _ in range(2)
        ]
        holds = True
        for i, j, k in product(range(2), repeat=3):
            sets = (triples[i][0], triples[j][0], triples[j][1], triples[k][1], triples[k][2], triples[i][2])
            for a, a2, b, b2, c, c2 in product(*sets):
                q = group.quotients
                value = group.table[group.table[q[a, a2], q[b, b2]], q[c, c2]]
                trivial = i == j == k and (a, b, c) == (a2, b2, c2)
                holds &= bool(value != group.identity or trivial)
        outcomes.append(holds)
        assert has_simultaneous_triple_product_property(group, triples) == holds
    assert set(outcomes) == {True, False}


@pytest.mark.parametrize("m", [2, 3, 4, 5])
def test_two_triples_from_three_axes(m: int) -> None:
    group, triples = puzzle_triples([(1, 2, 3), (3, 1, 2)], m)
    assert has_simultaneous_triple_product_property(group, triples)
    assert not has_simultaneous_triple_product_property(group, [triples[0], triples[0]])


@pytest.mark.parametrize("seed", range(6))
def test_every_local_strong_puzzle_has_the_simultaneous_property(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes = set()
    while outcomes != {True, False}:
        rows = list({tuple(int(x) for x in row) for row in rng.integers(1, 4, size=(2, 4))})
        local = is_local_strong_puzzle(rows)
        outcomes.add(local)
        if local:
            group, triples = puzzle_triples(rows, 3)
            assert has_simultaneous_triple_product_property(group, triples)
        else:
            with pytest.raises(InvalidInput, match="not a local strong"):
                puzzle_triples(rows, 3)


@pytest.mark.parametrize("rows", [[], [()], [(1, 2), (1,)], [(1, 4)], [(1, 2), (1, 2)]])
def test_no_puzzle_at_all(rows: list[tuple[int, ...]]) -> None:
    with pytest.raises(InvalidInput, match="a puzzle"):
        is_local_strong_puzzle(rows)


def test_bad_input() -> None:
    with pytest.raises(InvalidInput, match="at least one element"):
        has_triple_product_property(cyclic(3), [], [0], [1])
    with pytest.raises(InvalidInput, match="at least one element"):
        has_simultaneous_triple_product_property(cyclic(3), [([], [0], [1])])
    with pytest.raises(InvalidInput, match="elements 0 to 2"):
        has_triple_product_property(cyclic(3), [0], [5], [1])
    with pytest.raises(InvalidInput, match="at least 2"):
        puzzle_triples([(1, 2, 3)], 1)
