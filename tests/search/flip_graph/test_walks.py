"""Flips, reductions and plus transitions keep the tensor; the pairs they keep are the pairs there are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.flip_graph import Scheme, Walker, Walking, descend, wandered
from search.flip_graph.binary import binary_walk, flip_binary
from search.flip_graph.shared_factors import SharedFactors, pair_of
from search.flip_graph.ternary import flip_ternary, ternary_walk
from search.stop import NEVER, Stop
from stl_algebra import Format, Ring
from tests.search.flip_graph.conftest import RINGS, classical_scheme, formats, rings, seeds, walked


@settings(max_examples=60)
@given(formats, rings, seeds, st.integers(1, 3000), st.integers(1, 300))
def test_a_walk_keeps_the_tensor(format: Format, ring: Ring, seed: int, flips: int, patience: int) -> None:
    """Making the encoder proves the Brent equations over the ring."""
    scheme = walked(format, ring, seed, flips, patience).scheme()
    assert scheme.encoder.ring is ring
    assert scheme.encoder.format == format


@pytest.mark.parametrize("ring", RINGS)
def test_a_walk_of_one_flip_is_a_flip(ring: Ring) -> None:
    """Two products change in one factor each, and share the third."""
    start = classical_scheme(Format(3, 3, 3), ring)
    for seed in range(20):
        walker = Walker(start, np.random.default_rng(seed))
        assert walker.walk(1, patience=100, ceiling=0, target=0) == 1
        after = walker.scheme()
        pairs = list(zip(start.factors, after.factors, strict=True))
        changed = [np.flatnonzero(np.any(a != b, axis=1) & np.any(a != -b, axis=1)) for a, b in pairs]
        assert sorted(len(rows) for rows in changed) == [0, 1, 1]
        s, t = (int(rows[0]) for rows in changed if len(rows))
        shared = next(k for k, rows in enumerate(changed) if not len(rows))
        assert s != t
        assert np.array_equal(np.abs(after.factors[shared][s]), np.abs(after.factors[shared][t]))


def _pairs_there_are(keys: np.ndarray, rank: int) -> set[tuple[int, int, int]]:
    return {
        (slot, s, t) for slot in range(3) for s, t in combinations(range(rank), 2) if keys[slot, s] == keys[slot, t]
    }


def _pairs_listed(shared: SharedFactors) -> list[tuple[int, int, int]]:
    return [tuple(map(int, pair_of(shared, index))) for index in range(int(shared.sizes[0]))]  # type: ignore[misc]


@settings(max_examples=40)
@given(formats, seeds, st.integers(0, 2000))
def test_pairs_over_gf2(format: Format, seed: int, flips: int) -> None:
    plus, _ = classical_scheme(format, Ring.GF2).masks()
    walk = binary_walk(plus, seed)
    flip_binary(walk, flips, 100, format.products + 3, 0)
    listed, rank = _pairs_listed(walk.shared), int(walk.counts[0])
    assert len(set(listed)) == len(listed)
    assert set(listed) == _pairs_there_are(walk.shared.keys, rank)
    assert not walk.shared.keys[:, rank:].any()
    assert walk.shared.keys[:, :rank].all()


@settings(max_examples=40)
@given(formats, seeds, st.integers(0, 2000))
def test_pairs_over_ternary(format: Format, seed: int, flips: int) -> None:
    plus, minus = classical_scheme(format, Ring.Z).masks()
    walk = ternary_walk(plus, minus, seed)
    flip_ternary(walk, flips, 100, format.products + 3, 0)
    listed, rank = _pairs_listed(walk.shared), int(walk.counts[0])
    assert len(set(listed)) == len(listed)
    assert set(listed) == _pairs_there_are(walk.shared.keys, rank)
    assert not np.any(walk.plus & walk.minus)
    support = walk.plus | walk.minus
    assert not np.any(support & (~support + np.uint64(1)) & walk.minus)  # the first entry is 1


def test_more_than_64_products() -> None:
    for ring in RINGS:
        scheme = walked(Format(4, 4, 5), ring, 3, 20_000, 50).scheme()
        assert scheme.rank > 64
        assert scheme.encoder.exact


def test_products_that_agree_in_two_factors_are_added() -> None:
    plus = np.array([[1, 1, 1], [2, 2, 2], [4, 8, 1]], dtype=np.uint64)
    assert binary_walk(plus, 0).shared.keys[:, :2].tolist() == [[1, 0], [2, 0], [13, 0]]
    # 1 + 1 leaves {−1, 0, 1}: those two stay apart.
    apart = ternary_walk(plus[:, [0, 0]], np.zeros((3, 2), np.uint64), 0)
    assert apart.counts[0] == 2
    # Over GF(2) equal products vanish; over the integers opposite ones do.
    assert binary_walk(plus[:, [0, 0]], 0).counts[0] == 0
    minus = np.zeros((3, 2), np.uint64)
    plus = plus[:, [0, 0]].copy()
    plus[1, 1], minus[1, 1] = 0, 2
    assert ternary_walk(plus, minus, 0).counts[0] == 0


@pytest.mark.parametrize("ring", RINGS)
def test_a_plus_transition_adds_a_product(ring: Ring) -> None:
    start = classical_scheme(Format(2, 3, 3), ring)
    walker = Walker(start, np.random.default_rng(0))
    while walker.rank <= start.rank:
        walker.walk(1, patience=1, ceiling=start.rank + 1, target=0)
    assert walker.rank == start.rank + 1
    assert walker.scheme().encoder.rank == start.rank + 1


@settings(max_examples=40)
@given(rings, seeds, st.integers(2, 4), st.integers(1, 5))
def test_a_dead_end_is_left_by_one_product_more(ring: Ring, seed: int, count: int, room: int) -> None:
    """Where no two products share a factor; the sum of the products stays what it is."""
    unit = np.eye(count, 4, dtype=np.int8)
    start = Scheme(Format(2, 2, 2), (unit, unit, unit), ring)
    walker = Walker(start, np.random.default_rng(seed))
    assert walker.walk(1, patience=10**6, ceiling=count + room, target=0) == 1
    after = walker.scheme()
    assert after.rank == count + 1
    total = np.einsum("sa,sb,sc->abc", *(factor.astype(int) for factor in after.factors))
    expected = np.einsum("sa,sb,sc->abc", unit, unit, unit)
    assert np.array_equal(total % 2 if ring is Ring.GF2 else total, expected)
    assert walker.walk(1000, patience=10**6, ceiling=count + room, target=0) == 1000


@pytest.mark.parametrize("ring", RINGS)
def test_a_dead_end_without_room_is_the_end(ring: Ring) -> None:
    unit = np.eye(2, 4, dtype=np.int8)
    walker = Walker(Scheme(Format(2, 2, 2), (unit, unit, unit), ring), np.random.default_rng(0))
    assert walker.walk(1000, patience=10**6, ceiling=2, target=0) == 0


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize(("sides", "rank"), [((2, 2, 2), 7), ((2, 2, 3), 11), ((3, 3, 3), 23)])
def test_descents_reach_the_best_ranks(ring: Ring, sides: tuple[int, int, int], rank: int) -> None:
    start = classical_scheme(Format(*sides), ring)
    met = list(descend(start, np.random.default_rng(1), NEVER, Walking(length=30_000_000), rank))
    assert met[-1].rank == rank
    assert met[-1].encoder.rank == rank
    ranks = [scheme.rank for scheme in met]
    assert ranks == sorted(set(ranks), reverse=True)


@pytest.mark.parametrize("ring", RINGS)
def test_same_seed_same_walk(ring: Ring) -> None:
    first, second, other = (walked(Format(3, 3, 3), ring, seed, 5000).scheme() for seed in (1, 1, 2))
    assert first.encoder == second.encoder
    assert first.encoder != other.encoder


def test_slices_make_no_difference() -> None:
    start = classical_scheme(Format(3, 3, 3), Ring.GF2)
    whole, sliced = (Walker(start, np.random.default_rng(0)) for _ in range(2))
    how = {"patience": 100, "ceiling": 29, "target": 0}
    whole.walk(3000, **how)
    for _ in range(30):
        sliced.walk(100, **how)
    assert whole.scheme().encoder == sliced.scheme().encoder


@pytest.mark.parametrize("ring", RINGS)
def test_wandering_keeps_the_rank(ring: Ring) -> None:
    *_, start = descend(classical_scheme(Format(3, 3, 3), ring), np.random.default_rng(0), NEVER, Walking(), 23)
    near = wandered(start, np.random.default_rng(1), NEVER, Walking(length=100_000))
    assert near.rank == start.rank == 23
    assert near.encoder != start.encoder


def test_a_walk_that_is_stopped_does_not_begin() -> None:
    start = classical_scheme(Format(3, 3, 3), Ring.Z)
    assert [s.rank for s in descend(start, np.random.default_rng(0), Stop(trials=0), Walking())] == [27]
    assert wandered(start, np.random.default_rng(0), Stop(trials=0), Walking()).rank == 27


def test_a_walk_stops_at_its_target() -> None:
    walker = Walker(classical_scheme(Format(3, 3, 3), Ring.GF2), np.random.default_rng(0))
    done = walker.walk(10_000_000, patience=1000, ceiling=29, target=25)
    assert walker.rank == 25
    assert done < 10_000_000


def test_capacity_is_never_exceeded() -> None:
    start = classical_scheme(Format(2, 2, 2), Ring.GF2)
    walker = Walker(start, np.random.default_rng(0), room=2)
    walker.walk(10_000, patience=1, ceiling=1000, target=0)
    assert walker.rank <= 10
    assert isinstance(walker.scheme(), Scheme)
