"""Walking the flip graph over GF(2): flips, reductions and plus transitions on bit masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.bits import U64, below, draw
from search.flip_graph.shared_factors import (
    SharedFactors,
    change_key,
    drop_keys,
    no_products,
    pair_of,
    set_key,
    set_rank,
    shares_two,
)
from search.flip_graph.transitions import products_to_add, two_products
from stl_algebra.compiled import njit

_ZERO, _ONE = U64(0), U64(1)


class BinaryWalk(NamedTuple):
    """Where a walk over GF(2) stands; the factors of a product are its keys, as bit masks of their entries.

    `random` (1,) is the state of the generator, `counts` (2,) the rank and the flips since the rank last changed.
    """

    shared: SharedFactors
    random: NDArray[np.uint64]
    counts: NDArray[np.int64]


def binary_walk(factors: NDArray[np.uint64], seed: int, room: int = 4) -> BinaryWalk:
    """A walk that starts at the scheme of factors (3, r), products reduced at once; `room` more may be added.

    >>> start = np.array([[1, 1], [2, 2], [4, 8]], dtype=np.uint64)
    >>> int(binary_walk(start, 0).counts[0])
    1
    """
    factors = factors[:, factors.all(axis=0)]
    rank = factors.shape[1]
    walk = BinaryWalk(no_products(rank + room), np.array([seed], np.uint64), np.array([0, 0]))
    _enter(walk, factors)
    return walk


@njit(cache=True, nogil=True)
def flip_binary(walk: BinaryWalk, flips: int, patience: int, ceiling: int, target: int) -> int:
    """Walk so many flips at most, until the rank is at most `target`; returns the flips done.

    A flip takes two products that share a factor, a⊗b⊗c + a⊗b'⊗c' = a⊗(b+b')⊗c + a⊗b'⊗(c+c'). Products that
    come to share two factors are added into one: a reduction. After `patience` flips at one rank below `ceiling`
    a plus transition adds a product: a⊗b⊗c + a'⊗b'⊗c' = (a+a')⊗b⊗c + a'⊗(b+b')⊗c + a'⊗b'⊗(c+c').

    Sources: Kauers, Moosbauer, Flip graphs for matrix multiplication, 2022 (flips and reductions); Arai, Ichikawa,
    Hukushima, Adaptive flip graph algorithm for matrix multiplication, 2024 (plus transitions).
    """
    shared, counts = walk.shared, walk.counts
    keys, sizes = shared.keys, shared.sizes
    done = 0
    while done < flips and counts[0] > target:
        if counts[1] >= patience or sizes[0] == 0:
            counts[1] = 0
            more = products_to_add(counts, sizes[0], walk.random, ceiling)
            for _ in range(more):
                _add_product(walk)
            if more == 0 and sizes[0] == 0:
                break
            done += 1
            continue
        bits = draw(walk.random)
        slot, s, t = pair_of(shared, below(bits, sizes[0]))
        if bits & _ONE:
            s, t = t, s
        second, third = (slot + 1) % 3, (slot + 2) % 3
        doubled = change_key(shared, second, s, keys[second, s] ^ keys[second, t])
        doubled |= change_key(shared, third, t, keys[third, s] ^ keys[third, t])
        done += 1
        counts[1] += 1
        if doubled:
            _settle(walk)
            counts[1] = 0
    return done


@njit(cache=True)
def _enter(walk: BinaryWalk, factors: NDArray[np.uint64]) -> None:
    """Take the products of factors (3, r) in and reduce them."""
    rank = factors.shape[1]
    set_rank(walk.shared, rank)
    walk.counts[0] = rank
    for s in range(rank):
        for slot in range(3):
            set_key(walk.shared, slot, s, factors[slot, s])
    _settle(walk)


@njit(cache=True)
def _settle(walk: BinaryWalk) -> None:
    """Add products that share two factors into one, and drop those that cancel, until there are none."""
    shared, keys = walk.shared, walk.shared.keys
    index = 0
    while index < shared.sizes[0]:
        slot, s, t = pair_of(shared, index)
        index += 1
        if not shares_two(shared, slot, s, t):
            continue
        # They differ in one of the other slots, or in none.
        other = (slot + 1) % 3
        if keys[other, s] == keys[other, t]:
            other = (slot + 2) % 3
        total = keys[other, s] ^ keys[other, t]
        # t > s, so s stays where it is.
        _drop(walk, t)
        if total == _ZERO:
            _drop(walk, s)
        else:
            set_key(shared, other, s, total)
        index = 0


@njit(cache=True)
def _drop(walk: BinaryWalk, s: int) -> None:
    """Remove product s; the last one takes its place."""
    walk.counts[0] -= 1
    drop_keys(walk.shared, s, walk.counts[0])


@njit(cache=True)
def _add_product(walk: BinaryWalk) -> None:
    """A plus transition on two products drawn at random; where they share a factor, nothing."""
    shared, keys = walk.shared, walk.shared.keys
    rank = walk.counts[0]
    s, t, a, b, c, _ = two_products(walk.random, rank)
    if keys[a, s] == keys[a, t] or keys[b, s] == keys[b, t] or keys[c, s] == keys[c, t]:
        return
    walk.counts[0] = rank + 1
    set_rank(shared, rank + 1)
    doubled = set_key(shared, a, rank, keys[a, t])
    doubled |= set_key(shared, b, rank, keys[b, t])
    doubled |= set_key(shared, c, rank, keys[c, s] ^ keys[c, t])
    doubled |= set_key(shared, b, t, keys[b, s] ^ keys[b, t])
    doubled |= set_key(shared, c, t, keys[c, s])
    doubled |= set_key(shared, a, s, keys[a, s] ^ keys[a, t])
    if doubled:
        _settle(walk)
