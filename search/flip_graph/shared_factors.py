"""The pairs of products that share a factor, kept up to date so that one is drawn in constant time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from search.flip_graph.bits import U64, equal_to, lowest_bit

_NONE, _ONE = U64(0), U64(1)


class SharedFactors(NamedTuple):
    """The keys of the factors of all products, and the pairs of products with a key in common.

    `keys` (3, R): a key names a factor, 0 where there is no product; R, the capacity, is 64, 128 or 256. A pair
    {s, t} that shares its key in a slot is the number (slot·R + s)·R + t, s < t, listed in `listed[:sizes[0]]`, and
    `place` says where, or −1. `sizes` (3,) holds the number of pairs, log₂ R, and the blocks of 64 products in use.
    """

    keys: NDArray[np.uint64]
    listed: NDArray[np.int32]
    place: NDArray[np.int32]
    sizes: NDArray[np.int64]


def no_products(capacity: int) -> SharedFactors:
    """No keys and no pairs, for that many products (rounded up to 64, 128 or 256).

    >>> no_products(70).keys.shape
    (3, 128)
    """
    bits = max(6, (capacity - 1).bit_length())
    size = 3 << (2 * bits)
    listed, place = np.zeros(size, np.int32), np.full(size, -1, np.int32)
    return SharedFactors(np.zeros((3, 1 << bits), np.uint64), listed, place, np.array([0, bits, 0]))


@njit(cache=True)
def pair_of(shared: SharedFactors, index: int) -> tuple[int, int, int]:
    """The pair at an index of the list: its slot, s and t."""
    bits = shared.sizes[1]
    number = np.int64(shared.listed[index])
    mask = (1 << bits) - 1
    return number >> (2 * bits), (number >> bits) & mask, number & mask


@njit(cache=True)
def change_key(shared: SharedFactors, slot: int, s: int, key: np.uint64) -> bool:
    """Give product s another key in a slot; True where it then shares two keys with a product."""
    row = shared.keys[slot]
    old = row[s]
    row[s] = _NONE
    second, third = shared.keys[(slot + 1) % 3], shared.keys[(slot + 2) % 3]
    doubled = False
    for block in range(shared.sizes[2]):
        gone, come = equal_to(row, block, old), equal_to(row, block, key)
        while gone != _NONE:
            _remove(shared, slot, s, 64 * block + int(np.int64(lowest_bit(gone))))
            gone &= gone - _ONE
        while come != _NONE:
            t = 64 * block + int(np.int64(lowest_bit(come)))
            _add(shared, slot, s, t)
            doubled |= second[s] == second[t] or third[s] == third[t]
            come &= come - _ONE
    row[s] = key
    return doubled


@njit(cache=True)
def list_pairs(shared: SharedFactors, rank: int) -> bool:
    """List the pairs of products 0 to rank − 1 afresh; True where some pair shares two keys."""
    for index in range(shared.sizes[0]):
        shared.place[shared.listed[index]] = -1
    shared.sizes[0], shared.sizes[2] = 0, (rank + 63) >> 6
    keys, doubled = shared.keys, False
    keys[:, rank:] = _NONE
    for s in range(rank):
        for t in range(s + 1, rank):
            common = 0
            for slot in range(3):
                if keys[slot, s] == keys[slot, t]:
                    _add(shared, slot, s, t)
                    common += 1
            doubled |= common > 1
    return doubled


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
