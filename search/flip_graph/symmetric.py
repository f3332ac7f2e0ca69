"""Walking among the schemes of square formats over GF(2) that rotation leaves as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.bits import U64, below, draw
from search.flip_graph.shared_factors import (
    SharedFactors,
    change_key,
    no_products,
    pair_of,
    set_key,
    set_rank,
    shares_two,
    turned,
)
from search.flip_graph.transitions import two_products
from stl_algebra import InvalidInput
from stl_algebra.compiled import njit

_ZERO, _ONE = U64(0), U64(1)


class SymmetricWalk(NamedTuple):
    """Where a walk stands that keeps to schemes made of orbits a⊗b⊗c + b⊗c⊗a + c⊗a⊗b and of cubes a⊗a⊗a.

    The factors are n×n matrices, the third one the transpose of a tile of Y, for only then rotation leaves the tensor
    tr(XYZ) as it is. `shared` holds the factors of one product of every orbit, in a single row; `cubes` are the
    masks of the cubes, in the first places; `counts` (4,): the rank, the flips since it last changed, the orbits, the
    cubes. `random` as in BinaryWalk.
    """

    shared: SharedFactors
    cubes: NDArray[np.uint64]
    random: NDArray[np.uint64]
    counts: NDArray[np.int64]


def symmetric_walk(factors: NDArray[np.uint64], seed: int, room: int = 4) -> SymmetricWalk:
    """A walk that starts at a scheme that rotation leaves as it is, of factors (3, r), reduced at once.

    Raises InvalidInput where it does not. `room` products may be added.

    >>> start = np.array([[1, 2, 4, 1], [2, 4, 1, 1], [4, 1, 2, 1]], dtype=np.uint64)
    >>> symmetric_walk(start, 0).counts.tolist()
    [4, 0, 1, 1]
    """
    orbits, cubes = rotation_orbits(factors)
    # A twist makes three cubes at most before the rank is looked at.
    most = 3 * len(orbits) + len(cubes) + room
    kept = np.zeros(most + 3, np.uint64)
    kept[: len(cubes)] = cubes
    shared = no_products(most, rows=1)
    walk = SymmetricWalk(shared, kept, np.array([seed], np.uint64), np.array([0, 0, 0, len(cubes)]))
    _enter(walk, np.array(orbits, np.uint64).reshape(-1, 3))
    return walk


def rotation_orbits(factors: NDArray[np.uint64]) -> tuple[list[tuple[int, int, int]], list[int]]:
    """One product of every orbit under rotation of its factors, and the factors of the cubes.

    Raises InvalidInput where products are left over.

    >>> rotation_orbits(np.array([[1, 2, 4, 1], [2, 4, 1, 1], [4, 1, 2, 1]], dtype=np.uint64))
    ([(1, 2, 4)], [1])
    """
    left: dict[tuple[int, ...], int] = {}
    for column in factors.T.tolist():
        left[tuple(column)] = left.get(tuple(column), 0) ^ 1
    products = {product for product, odd in left.items() if odd and all(product)}
    orbits: list[tuple[int, int, int]] = []
    cubes: list[int] = []
    for a, b, c in sorted(products):
        if a == b == c:
            cubes.append(a)
        elif (a, b, c) in products:
            if not {(b, c, a), (c, a, b)} <= products:
                raise InvalidInput("rotation does not leave the scheme as it is")
            products -= {(a, b, c), (b, c, a), (c, a, b)}
            orbits.append((a, b, c))
    return orbits, cubes


def symmetric_factors(walk: SymmetricWalk) -> NDArray[np.uint64]:
    """The factors (3, r) where the walk stands."""
    orbits, cubes = int(walk.counts[2]), int(walk.counts[3])
    products = walk.shared.keys[0, : 3 * orbits].reshape(-1, 3).T
    return np.concatenate(
        [*(np.roll(products, turns, axis=0) for turns in range(3)), np.tile(walk.cubes[:cubes], (3, 1))], axis=1
    )


@njit(cache=True, nogil=True)
def flip_symmetric(walk: SymmetricWalk, flips: int, patience: int, ceiling: int, target: int) -> int:
    """As flip_binary, every flip, reduction and plus transition done to all rotations of its products at once.

    An orbit of three equal factors is a cube. An orbit with two is exchanged by (a+b)³ = a³ + b³ + orbit of a⊗a⊗b +
    orbit of a⊗b⊗b: a twist, that changes which cubes there are; at once where that leaves fewer of them, and at random
    in the place of plus transitions.

    Source: Moosbauer, Poole, Flip graphs with symmetry and new matrix multiplication schemes, 2025.
    """
    shared, counts = walk.shared, walk.counts
    row, sizes = shared.keys[0], shared.sizes
    done = 0
    while done < flips and counts[0] > target:
        done += 1
        if counts[1] >= patience or sizes[0] == 0:
            counts[1] = 0
            if not _transition(walk, ceiling) and sizes[0] == 0:
                break
            continue
        counts[1] += 1
        bits = draw(walk.random)
        _, s, t = pair_of(shared, below(bits, sizes[0]))
        if bits & _ONE:
            s, t = t, s
        before = counts[0]
        if s // 3 == t // 3:
            _twist(walk, s, t, counts[0])
        else:
            doubled = change_key(shared, 0, turned(s, 1), row[turned(s, 1)] ^ row[turned(t, 1)])
            doubled |= change_key(shared, 0, turned(t, 2), row[turned(t, 2)] ^ row[turned(s, 2)])
            if doubled:
                _settle(walk)
        if counts[0] < before:
            counts[1] = 0
    return done


@njit(cache=True)
def _enter(walk: SymmetricWalk, orbits: NDArray[np.uint64]) -> None:
    """Take orbits (k, 3) in and reduce them."""
    walk.counts[2] = len(orbits)
    set_rank(walk.shared, orbits.size)
    for k in range(len(orbits)):
        for slot in range(3):
            set_key(walk.shared, 0, 3 * k + slot, orbits[k, slot])
    _settle(walk)


@njit(cache=True)
def _settle(walk: SymmetricWalk) -> None:
    """Add orbits that share two factors into one, turn those of three equal factors into cubes, until none is left."""
    shared, row, counts = walk.shared, walk.shared.keys[0], walk.counts
    index = 0
    while index < shared.sizes[0]:
        _, s, t = pair_of(shared, index)
        index += 1
        if not shares_two(shared, 0, s, t):
            continue
        index = 0
        if s // 3 == t // 3:
            _toggle(walk, row[s])
            _drop(walk, s // 3)
            continue
        other = 1 if row[turned(s, 1)] != row[turned(t, 1)] else 2
        total = row[turned(s, other)] ^ row[turned(t, other)]
        # t > s, so orbit s stays where it is.
        _drop(walk, t // 3)
        if total == _ZERO:
            _drop(walk, s // 3)
        else:
            set_key(shared, 0, turned(s, other), total)
    counts[0] = 3 * counts[2] + counts[3]


@njit(cache=True)
def _drop(walk: SymmetricWalk, orbit: int) -> None:
    """Remove an orbit; the last one takes its place."""
    walk.counts[2] -= 1
    last = walk.counts[2]
    for slot in range(3):
        moved = walk.shared.keys[0, 3 * last + slot]
        set_key(walk.shared, 0, 3 * last + slot, _ZERO)
        if orbit != last:
            set_key(walk.shared, 0, 3 * orbit + slot, moved)
    set_rank(walk.shared, 3 * last)


@njit(cache=True)
def _place(walk: SymmetricWalk, cube: np.uint64) -> int:
    """Where a cube stands, or −1."""
    for place in range(walk.counts[3]):
        if walk.cubes[place] == cube:
            return place
    return -1


@njit(cache=True)
def _toggle(walk: SymmetricWalk, cube: np.uint64) -> None:
    """Add a cube; two equal ones cancel."""
    place = _place(walk, cube)
    if place < 0:
        walk.cubes[walk.counts[3]] = cube
        walk.counts[3] += 1
    else:
        walk.counts[3] -= 1
        walk.cubes[place] = walk.cubes[walk.counts[3]]


@njit(cache=True)
def _twist(walk: SymmetricWalk, s: int, t: int, most: int) -> None:
    """Exchange a⊗a⊗b for a⊗b⊗b and three cubes, where that leaves a rank of `most` at most; s and t are where a is."""
    row = walk.shared.keys[0]
    single = s - s % 3 + (3 - s % 3 - t % 3)
    a, b = row[s], row[single]
    rank = walk.counts[0]
    for cube in (a, b, a ^ b):
        rank += 1 if _place(walk, cube) < 0 else -1
    if rank > most:
        return
    for cube in (a, b, a ^ b):
        _toggle(walk, cube)
    set_key(walk.shared, 0, s, b)
    _settle(walk)


@njit(cache=True)
def _transition(walk: SymmetricWalk, ceiling: int) -> bool:
    """A twist to any rank up to the ceiling, or else a plus transition; False where there is no room for that."""
    shared = walk.shared
    if draw(walk.random) & _ONE and shared.sizes[0] > 0:
        start = below(draw(walk.random), shared.sizes[0])
        for index in range(start, start + shared.sizes[0]):
            _, s, t = pair_of(shared, index % shared.sizes[0])
            if s // 3 == t // 3:
                _twist(walk, s, t, ceiling)
                return True
    return _add_orbit(walk, ceiling)


@njit(cache=True)
def _add_orbit(walk: SymmetricWalk, ceiling: int) -> bool:
    """A plus transition on two orbits drawn at random, as they stand turned; False where there is no room."""
    shared, row, orbits = walk.shared, walk.shared.keys[0], walk.counts[2]
    if walk.counts[0] + 3 > ceiling or orbits < 2:
        return False
    first, second, a, b, c, bits = two_products(walk.random, orbits)
    turns = int(np.int64(bits % U64(3)))
    s, t = 3 * first, 3 * second + turns
    a_t, b_t, c_t = turned(t, a), turned(t, b), turned(t, c)
    if row[s + a] == row[a_t] or row[s + b] == row[b_t] or row[s + c] == row[c_t]:
        return True
    new = 3 * orbits
    walk.counts[2] = orbits + 1
    set_rank(shared, new + 3)
    doubled = set_key(shared, 0, new + a, row[a_t])
    doubled |= set_key(shared, 0, new + b, row[b_t])
    doubled |= set_key(shared, 0, new + c, row[s + c] ^ row[c_t])
    doubled |= set_key(shared, 0, b_t, row[s + b] ^ row[b_t])
    doubled |= set_key(shared, 0, c_t, row[s + c])
    doubled |= set_key(shared, 0, s + a, row[s + a] ^ row[a_t])
    if doubled:
        _settle(walk)
    walk.counts[0] = 3 * walk.counts[2] + walk.counts[3]
    return True
