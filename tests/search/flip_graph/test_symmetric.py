"""Symmetric walks keep the tensor and the symmetry; where they start; how low they come."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.flip_graph import Scheme, Walker, Walking, block_start, descend, random_blocks
from search.flip_graph.shared_factors import pair_of, turned
from search.flip_graph.symmetric import flip_symmetric, rotation_orbits, symmetric_factors, symmetric_walk
from search.stop import NEVER
from stl_algebra import Format, InvalidInput, Ring
from tests.search.flip_graph.conftest import classical_scheme, seeds

block_sizes = st.lists(st.integers(1, 3), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) <= 4)


@given(block_sizes)
def test_block_starts_are_exact_and_symmetric(sizes: list[int]) -> None:
    start = block_start(sizes)
    assert start.encoder.ring is Ring.GF2
    assert start.format == Format(*[sum(sizes)] * 3)
    u, v, w = start.factors
    n = sum(sizes)
    turned_w = w.reshape(-1, n, n).transpose(0, 2, 1).reshape(-1, n * n)
    products = sorted((a.tobytes(), b.tobytes(), c.tobytes()) for a, b, c in zip(u, v, turned_w, strict=True))
    assert products == sorted((b, c, a) for a, b, c in products)
    assert sum(a == b == c for a, b, c in products) == len(sizes)


@pytest.mark.parametrize("sizes", [[], [0], [2, -1]])
def test_no_blocks(sizes: list[int]) -> None:
    with pytest.raises(InvalidInput, match="blocks"):
        block_start(sizes)


@given(st.integers(1, 8), st.integers(1, 200), seeds)
def test_random_blocks_fill_the_side_and_fit_the_rank(n: int, rank: int, seed: int) -> None:
    sizes = random_blocks(n, rank, np.random.default_rng(seed))
    assert sum(sizes) == n
    assert min(sizes) > 0
    possible = any((rank - count) % 3 == 0 for count in range(1, n + 1))
    assert (rank - len(sizes)) % 3 == 0 or not possible


@settings(max_examples=60)
@given(block_sizes, seeds, st.integers(0, 3000), st.integers(1, 300), st.integers(0, 8))
def test_a_walk_keeps_the_tensor_and_the_symmetry(
    sizes: list[int], seed: int, flips: int, patience: int, climb: int
) -> None:
    """Making the encoder proves the Brent equations; another symmetric walk starts where this one stands."""
    start = block_start(sizes)
    walker = Walker(start, np.random.default_rng(seed), 8, symmetric=True)
    walker.walk(flips, patience=patience, ceiling=start.rank + climb, target=0)
    scheme = walker.scheme()
    assert scheme.encoder.ring is Ring.GF2
    assert scheme.rank == walker.rank <= start.rank + climb
    assert Walker(scheme, np.random.default_rng(0), symmetric=True).rank == scheme.rank


@settings(max_examples=40)
@given(block_sizes, seeds, st.integers(0, 2000))
def test_pairs_of_factors_wherever_they_stand(sizes: list[int], seed: int, flips: int) -> None:
    masks, _ = block_start(sizes).masks()
    n = sum(sizes)
    third = masks[2].copy()
    for i, j in combinations(range(n), 2):
        here, there = np.uint64(i * n + j), np.uint64(j * n + i)
        differ = ((third >> here) ^ (third >> there)) & np.uint64(1)
        third ^= (differ << here) | (differ << there)
    masks[2] = third
    walk = symmetric_walk(masks, seed)
    flip_symmetric(walk, flips, 100, len(masks[0]) + 4, 0)
    row, entries = walk.shared.keys[0], 3 * int(walk.counts[2])
    listed = [tuple(map(int, pair_of(walk.shared, index)[1:])) for index in range(int(walk.shared.sizes[0]))]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {(s, t) for s, t in combinations(range(entries), 2) if row[s] == row[t]}
    assert not row[entries:].any()
    cubes = walk.cubes[: walk.counts[3]].tolist()
    assert len(set(cubes)) == len(cubes)
    assert walk.counts[0] == symmetric_factors(walk).shape[1] == entries + len(cubes)


def test_entries_turn_in_their_product() -> None:
    assert [[turned(entry, turns) for turns in range(3)] for entry in (3, 4, 5)] == [[3, 4, 5], [4, 5, 3], [5, 3, 4]]


@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), max_size=6))
def test_orbits_of_what_is_closed_under_rotation(products: list[tuple[int, int, int]]) -> None:
    """Products that come twice cancel; all others are in the orbits, once."""
    closed = [p for a, b, c in products for p in {(a, b, c), (b, c, a), (c, a, b)}]
    orbits, cubes = rotation_orbits(np.array(closed, np.uint64).reshape(-1, 3).T)
    found = [p for a, b, c in orbits for p in ((a, b, c), (b, c, a), (c, a, b))] + [(a, a, a) for a in cubes]
    assert len(set(found)) == len(found)
    assert set(found) == {p for p in closed if closed.count(p) % 2}


def test_what_is_not_symmetric_is_no_start() -> None:
    rng = np.random.default_rng(0)
    *_, low = descend(classical_scheme(Format(3, 3, 3), Ring.GF2), rng, NEVER, Walking(), 24)
    with pytest.raises(InvalidInput, match="rotation"):
        Walker(low, rng, symmetric=True)
    for start in (classical_scheme(Format(2, 2, 3), Ring.GF2), classical_scheme(Format(2, 2, 2), Ring.Z)):
        with pytest.raises(InvalidInput, match="square"):
            Walker(start, rng, symmetric=True)


@pytest.mark.parametrize(("sizes", "rank"), [([2], 7), ([2, 1], 23), ([4], 49)])
def test_descents_reach_the_best_ranks_of_square_formats(sizes: list[int], rank: int) -> None:
    rng, met = np.random.default_rng(0), list[Scheme]()
    while not met or met[-1].rank > rank:
        walking = Walking(10_000, 6, 3_000_000)
        met = list(descend(block_start(sizes), rng, NEVER, walking, rank, symmetric=True))
    assert met[-1].encoder.rank == rank
    assert [scheme.rank for scheme in met] == sorted({scheme.rank for scheme in met}, reverse=True)


def test_a_twist_changes_which_cubes_there_are() -> None:
    """The orbit of a⊗a⊗b and the cubes of a, b and a+b make the orbit of a⊗b⊗b alone."""
    a, b = 1, 2
    orbit, cubes = [(a, a, b), (a, b, a), (b, a, a)], [(x, x, x) for x in (a, b, a ^ b)]
    walk = symmetric_walk(np.array(orbit + cubes, np.uint64).T, 0)
    flip_symmetric(walk, 1000, 10**6, 6, 3)
    assert walk.counts.tolist()[::2] == [3, 1]
    assert {tuple(product) for product in symmetric_factors(walk).T.tolist()} == {(a, b, b), (b, b, a), (b, a, b)}
