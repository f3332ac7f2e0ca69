"""The pairs of products that share a factor, kept up to date so that one is drawn in constant time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.flip_graph.bits import U64, equal_to, lowest_bit
from stl_algebra.compiled import njit

_NONE, _ONE = U64(0), U64(1)


class SharedFactors(NamedTuple):
    """The keys of the factors of all products, and the pairs of products with a key in common.

    `keys` (3, R): a key names a factor, 0 where there is none; R, the capacity, is 64, 128 or 256. With a single row,
    (1, R), factors are compared wherever they stand: entries 3k, 3k+1, 3k+2 are those of product k, and what is said
    of products below holds of entries. A pair {s, t} that shares its key in a slot is the number (slot·R + s)·R + t,
    s < t, listed in `listed[:sizes[0]]`, and `place` says where, or −1. `sizes` (3,) holds the number of pairs, log₂ R,
    and the blocks of 64 products in use.
    """

    keys: NDArray[np.uint64]
    listed: NDArray[np.int32]
    place: NDArray[np.int32]
    sizes: NDArray[np.int64]


def no_products(capacity: int, rows: int = 3) -> SharedFactors:
    """No keys and no pairs, for that many products, or entries in a single row (rounded up to 64, 128 or 256).

    >>> no_products(70).keys.shape
    (3, 128)
    """
    bits = max(6, (capacity - 1).bit_length())
    size = rows << (2 * bits)
    listed, place = np.zeros(size, np.int32), np.full(size, -1, np.int32)
    return SharedFactors(np.zeros((rows, 1 << bits), np.uint64), listed, place, np.array([0, bits, 0]))


@njit(cache=True)
def pair_of(shared: SharedFactors, index: int) -> tuple[int, int, int]:
    """The pair at an index of the list: its slot, s and t."""
    bits = shared.sizes[1]
    number = np.int64(shared.listed[index])
    mask = (1 << bits) - 1
    return number >> (2 * bits), (number >> bits) & mask, number & mask


@njit(cache=True)
def turned(entry: int, turns: int) -> int:
    """The entry of a single row where the factor so many places on stands, of the same product in a cycle.

    >>> turned(4, 1), turned(4, 2)
    (5, 3)
    """
    place = entry % 3
    return entry - place + (place + turns) % 3


@njit(cache=True)
def shares_two(shared: SharedFactors, slot: int, s: int, t: int) -> bool:
    """Whether products that share their key in a slot share another one; in a single row, when so turned."""
    if len(shared.keys) == 1:
        row = shared.keys[0]
        return bool(row[turned(s, 1)] == row[turned(t, 1)] or row[turned(s, 2)] == row[turned(t, 2)])
    second, third = shared.keys[(slot + 1) % 3], shared.keys[(slot + 2) % 3]
    return second[s] == second[t] or third[s] == third[t]


@njit(cache=True)
def set_rank(shared: SharedFactors, rank: int) -> None:
    """Say how many products there are, before a key of a new one is set."""
    shared.sizes[2] = (rank + 63) >> 6


@njit(cache=True, forceinline=True)
def change_key(shared: SharedFactors, slot: int, s: int, key: np.uint64) -> bool:
    """Give product s another key in a slot, 0 for none; True where it then shares two keys with a product."""
    row = shared.keys[slot]
    old = row[s]
    row[s] = _NONE
    doubled = False
    for block in range(shared.sizes[2]):
        if old != _NONE:
            gone = equal_to(row, 64 * block, old)
            while gone != _NONE:
                _remove(shared, slot, s, 64 * block + int(np.int64(lowest_bit(gone))))
                gone &= gone - _ONE
        if key != _NONE:
            come = equal_to(row, 64 * block, key)
            while come != _NONE:
                t = 64 * block + int(np.int64(lowest_bit(come)))
                _add(shared, slot, s, t)
                doubled |= shares_two(shared, slot, s, t)
                come &= come - _ONE
    row[s] = key
    return doubled


@njit(cache=True)
def set_key(shared: SharedFactors, slot: int, s: int, key: np.uint64) -> bool:
    """As change_key, not compiled into what calls it."""
    return bool(change_key(shared, slot, s, key))


@njit(cache=True)
def drop_keys(shared: SharedFactors, s: int, last: int) -> None:
    """Take the keys of product s away; those of the last product take their place."""
    for slot in range(3):
        moved = shared.keys[slot, last]
        set_key(shared, slot, last, _NONE)
        if s != last:
            set_key(shared, slot, s, moved)
    set_rank(shared, last)


@njit(cache=True)
def _number(shared: SharedFactors, slot: int, s: int, t: int) -> int:
    bits = shared.sizes[1]
    return (((slot << bits) | min(s, t)) << bits) | max(s, t)


@njit(cache=True)
def _add(shared: SharedFactors, slot: int, s: int, t: int) -> None:
    number, end = _number(shared, slot, s, t), shared.sizes[0]
    shared.listed[end] = number
    shared.place[number] = end
    shared.sizes[0] = end + 1


@njit(cache=True)
def _remove(shared: SharedFactors, slot: int, s: int, t: int) -> None:
    number, end = _number(shared, slot, s, t), shared.sizes[0] - 1
    here, moved = shared.place[number], shared.listed[end]
    shared.listed[here] = moved
    shared.place[moved] = here
    shared.place[number] = -1
    shared.sizes[0] = end
