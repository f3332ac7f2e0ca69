"""Walking the flip graph over {−1, 0, 1}: every scheme met is exact over Z."""

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
    set_rank,
    shares_two,
)
from search.flip_graph.transitions import products_to_add, two_products
from stl_algebra.compiled import njit

_ZERO, _ONE = U64(0), U64(1)
_ODD = U64(0x9E3779B97F4A7C15)


class TernaryWalk(NamedTuple):
    """Where a walk over {−1, 0, 1} stands.

    `plus` and `minus` (3, R) are the masks of the entries 1 and −1 of the factors, of which the first that is not
    0 is 1: a product is its three factors times −1 where `negative` (R,) is 1. The rest is as in BinaryWalk; a key
    is a hash of the two masks, so that what two keys say is checked before it is used.
    """

    shared: SharedFactors
    plus: NDArray[np.uint64]
    minus: NDArray[np.uint64]
    negative: NDArray[np.uint64]
    random: NDArray[np.uint64]
    counts: NDArray[np.int64]


def ternary_walk(plus: NDArray[np.uint64], minus: NDArray[np.uint64], seed: int, room: int = 4) -> TernaryWalk:
    """A walk that starts at the scheme of entries 1 and −1 (3, r) each, reduced at once; `room` products may be added.

    >>> plus, minus = np.array([[1, 1], [2, 0], [4, 8]], dtype=np.uint64), np.array([[0, 0], [0, 2], [0, 0]])
    >>> walk = ternary_walk(plus, minus.astype(np.uint64), 0)
    >>> int(walk.counts[0]), int(walk.plus[2, 0]), int(walk.minus[2, 0])
    (1, 4, 8)
    """
    shared = no_products(plus.shape[1] + room)
    ones, minus_ones = np.zeros_like(shared.keys), np.zeros_like(shared.keys)
    negative = np.zeros(shared.keys.shape[1], np.uint64)
    walk = TernaryWalk(shared, ones, minus_ones, negative, np.array([seed], np.uint64), np.array([0, 0]))
    _enter(walk, plus, minus)
    return walk


@njit(cache=True, nogil=True)
def flip_ternary(walk: TernaryWalk, flips: int, patience: int, ceiling: int, target: int) -> int:
    """As flip_binary, over {−1, 0, 1}; flips that would leave the set are counted and not done.

    With x = ±1 a flip is a⊗b⊗c + a⊗b'⊗c' = a⊗(b+xb')⊗c + a⊗b'⊗(c'−xc).

    Source: Perminov, Fast matrix multiplication via ternary meta flip graphs, 2025 (flips over {−1, 0, 1}).
    """
    shared, counts, negative = walk.shared, walk.counts, walk.negative
    plus, minus, sizes = walk.plus, walk.minus, shared.sizes
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
        done += 1
        counts[1] += 1
        bits = draw(walk.random)
        slot, s, t = pair_of(shared, below(bits, sizes[0]))
        if plus[slot, s] != plus[slot, t] or minus[slot, s] != minus[slot, t]:
            continue
        if bits & _ONE:
            s, t = t, s
        second, third = (slot + 1) % 3, (slot + 2) % 3
        x = (bits >> _ONE) & _ONE
        y = x ^ _ONE ^ negative[s] ^ negative[t]
        fits_b, plus_b, minus_b = _sum(plus[second, s], minus[second, s], plus[second, t], minus[second, t], x)
        fits_c, plus_c, minus_c = _sum(plus[third, t], minus[third, t], plus[third, s], minus[third, s], y)
        if not (fits_b and fits_c):
            continue
        if _change(walk, second, s, plus_b, minus_b) | _change(walk, third, t, plus_c, minus_c):
            before = counts[0]
            _settle(walk)
            if counts[0] < before:
                counts[1] = 0
    return done


@njit(cache=True)
def _enter(walk: TernaryWalk, plus: NDArray[np.uint64], minus: NDArray[np.uint64]) -> None:
    """Take the products of such factors in and reduce them."""
    rank = plus.shape[1]
    set_rank(walk.shared, rank)
    walk.counts[0] = rank
    for s in range(rank):
        for slot in range(3):
            _change(walk, slot, s, plus[slot, s], minus[slot, s])
    _settle(walk)


@njit(cache=True)
def _settle(walk: TernaryWalk) -> None:
    """Drop products of a factor 0, and add those that share two factors where the sum stays in the set."""
    plus, minus, negative = walk.plus, walk.minus, walk.negative
    for s in range(walk.counts[0] - 1, -1, -1):
        for slot in range(3):
            if plus[slot, s] | minus[slot, s] == _ZERO:
                _drop(walk, s)
                break
    index = 0
    while index < walk.shared.sizes[0]:
        slot, s, t = pair_of(walk.shared, index)
        index += 1
        if not shares_two(walk.shared, slot, s, t):
            continue
        other = _only_difference(walk, s, t)
        if other < 0:
            continue
        sign = negative[s] ^ negative[t]
        fits, p, q = _sum(plus[other, s], minus[other, s], plus[other, t], minus[other, t], sign)
        if not fits:
            continue
        # t > s, so s stays where it is.
        _drop(walk, t)
        if p | q == _ZERO:
            _drop(walk, s)
        else:
            _change(walk, other, s, p, q)
        index = 0


@njit(cache=True, forceinline=True)
def _sum(
    p: np.uint64, q: np.uint64, r: np.uint64, s: np.uint64, negated: np.uint64
) -> tuple[bool, np.uint64, np.uint64]:
    """The factor (p, q) plus (r, s), or minus it where `negated` is 1; False where an entry becomes ±2."""
    if negated:
        r, s = s, r
    return (p & r) | (q & s) == _ZERO, (p & ~s) | (r & ~q), (q & ~r) | (s & ~p)


@njit(cache=True, forceinline=True)
def _canonical(p: np.uint64, q: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64]:
    """The factor with its first entry 1, and whether that took a sign."""
    support = p | q
    if q & (support & (~support + _ONE)):
        return q, p, _ONE
    return p, q, _ZERO


@njit(cache=True, forceinline=True)
def _change(walk: TernaryWalk, slot: int, s: int, p: np.uint64, q: np.uint64) -> bool:
    """Write a factor of a product and keep the pairs up; True where products are to be settled."""
    p, q, sign = _canonical(p, q)
    walk.plus[slot, s], walk.minus[slot, s] = p, q
    walk.negative[s] ^= sign
    return change_key(walk.shared, slot, s, p ^ (q * _ODD)) | (p | q == _ZERO)


@njit(cache=True)
def _only_difference(walk: TernaryWalk, s: int, t: int) -> int:
    """The slot outside which two products agree up to sign, or −1."""
    plus, minus = walk.plus, walk.minus
    for slot in range(3):
        a, b = (slot + 1) % 3, (slot + 2) % 3
        same = plus[a, s] == plus[a, t] and minus[a, s] == minus[a, t]
        if same and plus[b, s] == plus[b, t] and minus[b, s] == minus[b, t]:
            return slot
    return -1


@njit(cache=True)
def _drop(walk: TernaryWalk, s: int) -> None:
    """Remove product s; the last one takes its place."""
    last = walk.counts[0] - 1
    for masks in (walk.plus, walk.minus):
        masks[:, s] = masks[:, last]
        masks[:, last] = _ZERO
    walk.negative[s], walk.negative[last] = walk.negative[last], _ZERO
    drop_keys(walk.shared, s, last)
    walk.counts[0] = last


@njit(cache=True)
def _add_product(walk: TernaryWalk) -> None:
    """A plus transition on two products drawn at random; where entries leave the set, nothing.

    σ a⊗b⊗c + τ a'⊗b'⊗c' = σ (a−ya')⊗b⊗c + σy a'⊗(b+xb')⊗c + τ a'⊗b'⊗(c'−xyστc).
    """
    plus, minus, negative = walk.plus, walk.minus, walk.negative
    rank = walk.counts[0]
    s, t, a, b, c, bits = two_products(walk.random, rank)
    x, y = bits & _ONE, (bits >> _ONE) & _ONE
    z = x ^ y ^ negative[s] ^ negative[t] ^ _ONE
    fits_a, plus_a, minus_a = _sum(plus[a, s], minus[a, s], plus[a, t], minus[a, t], y ^ _ONE)
    fits_b, plus_b, minus_b = _sum(plus[b, s], minus[b, s], plus[b, t], minus[b, t], x)
    fits_c, plus_c, minus_c = _sum(plus[c, t], minus[c, t], plus[c, s], minus[c, s], z)
    if not (fits_a and fits_b and fits_c):
        return
    walk.counts[0] = rank + 1
    set_rank(walk.shared, rank + 1)
    negative[rank] = negative[s] ^ y
    unsettled = _change(walk, a, rank, plus[a, t], minus[a, t])
    unsettled |= _change(walk, b, rank, plus_b, minus_b)
    unsettled |= _change(walk, c, rank, plus[c, s], minus[c, s])
    unsettled |= _change(walk, a, s, plus_a, minus_a)
    unsettled |= _change(walk, c, t, plus_c, minus_c)
    if unsettled:
        _settle(walk)
