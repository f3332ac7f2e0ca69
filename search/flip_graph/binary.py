"""Walking the flip graph over GF(2): flips, reductions and plus transitions on bit masks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from search.flip_graph.bits import U64, below, draw
from search.flip_graph.shared_factors import SharedFactors, change_key, list_pairs, no_products, pair_of

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
    rank = factors.shape[1]
    shared = no_products(rank + room)
    shared.keys[:, :rank] = factors
    walk = BinaryWalk(shared, np.array([seed], np.uint64), np.array([rank, 0]))
    settle(walk)
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
            more = ceiling - counts[0]
            if more > 0 and counts[0] > 1:
                for _ in range(1 + below(draw(walk.random), more)):
                    _add_product(walk)
            elif sizes[0] == 0:
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
            settle(walk)
            counts[1] = 0
    return done


@njit(cache=True)
def settle(walk: BinaryWalk) -> None:
    """Add products that share two factors into one, and drop zero ones, until there are none; list the pairs."""
    keys, counts = walk.shared.keys, walk.counts
    s = 0
    while s < counts[0]:
        slot = _zero_slot(keys, s)
        t = s + 1
        while slot < 0 and t < counts[0]:
            slot = _only_difference(keys, s, t)
            t += 1
        if slot < 0:
            s += 1
            continue
        if keys[0, s] and keys[1, s] and keys[2, s]:
            keys[slot, s] ^= keys[slot, t - 1]
            _drop(keys, counts, t - 1)
        else:
            _drop(keys, counts, s)
        s = 0
    list_pairs(walk.shared, counts[0])


@njit(cache=True)
def _zero_slot(keys: NDArray[np.uint64], s: int) -> int:
    for slot in range(3):
        if keys[slot, s] == _ZERO:
            return slot
    return -1


@njit(cache=True)
def _only_difference(keys: NDArray[np.uint64], s: int, t: int) -> int:
    """The slot outside which two products agree, or −1."""
    for slot in range(3):
        second, third = (slot + 1) % 3, (slot + 2) % 3
        if keys[second, s] == keys[second, t] and keys[third, s] == keys[third, t]:
            return slot
    return -1


@njit(cache=True)
def _drop(keys: NDArray[np.uint64], counts: NDArray[np.int64], s: int) -> None:
    """Remove product s; the last one takes its place."""
    last = counts[0] - 1
    keys[:, s] = keys[:, last]
    keys[:, last] = _ZERO
    counts[0] = last


@njit(cache=True)
def _add_product(walk: BinaryWalk) -> None:
    """A plus transition on two products drawn at random, in a random order of slots."""
    keys, counts = walk.shared.keys, walk.counts
    rank = counts[0]
    bits = draw(walk.random)
    s = below(bits, rank)
    t = (s + 1 + below(draw(walk.random), rank - 1)) % rank
    first = np.int64(bits % U64(3))
    second, third = (first + 1) % 3, (first + 2) % 3
    if bits & U64(8):
        second, third = third, second
    for slot in range(3):
        keys[slot, rank] = keys[slot, t]
    keys[second, t] ^= keys[second, s]
    keys[third, t] = keys[third, s]
    keys[third, rank] ^= keys[third, s]
    keys[first, s] ^= keys[first, rank]
    counts[0] = rank + 1
    settle(walk)
