"""All formats a group realises by subsets with the triple product property, by exhaustive search."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, isqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from stl_algebra import InvalidInput
from stl_algebra.groups import FiniteGroup, automorphisms, inner_automorphisms

Integers = NDArray[np.int64]
Masks = NDArray[np.uint64]

#: A subset is one 64-bit word.
MAX_ORDER = 64

#: Groups with more subsets of one size than this are refused; it takes all groups up to order 36.
MAX_SUBSETS = 400_000

_WORD = np.uint64(1)


@dataclass(frozen=True)
class SubsetTriple:
    """Subsets S, T, U of a group with the triple product property, sorted elements each, |S| ≤ |T| ≤ |U|."""

    s: tuple[int, ...]
    t: tuple[int, ...]
    u: tuple[int, ...]

    @property
    def format(self) -> tuple[int, int, int]:
        return len(self.s), len(self.t), len(self.u)

    @property
    def size(self) -> int:
        """|S||T||U|: the scalar products the triple stands for."""
        return len(self.s) * len(self.t) * len(self.u)


def maximal_subset_triples(group: FiniteGroup) -> list[SubsetTriple]:
    """For each pair of sizes n ≤ m the triple ⟨n, m, p⟩ of largest p ≥ m that the group realises, proved maximal.

    The property does not change when the subsets are permuted or multiplied from the right, so S and T are
    the two smaller ones and hold the identity, and S is taken up to automorphisms. It asks of U only that
    its quotients avoid Q(S)Q(T): the largest U is a maximum clique of a Cayley graph, found by branch and
    bound on bitsets. As |T||U| ≤ |G|, subsets of size up to √|G| are enough for S and T. Raises InvalidInput
    for groups above order 64, and where there are too many subsets to go through.

    >>> from stl_algebra.groups import symmetric
    >>> [triple.format for triple in maximal_subset_triples(symmetric(3))]
    [(1, 1, 6), (1, 2, 3), (2, 2, 2)]

    Source: Hedtke, Murthy, Search and test algorithms for triple product property triples, 2012.
    """
    if group.order > MAX_ORDER:
        raise InvalidInput(f"exhaustive triple product search takes groups up to order {MAX_ORDER}, not {group.order}")
    if comb(group.order - 1, isqrt(group.order) - 1) > MAX_SUBSETS:
        raise InvalidInput(f"group {group.name} has too many subsets to go through; use the annealing search")
    quotients = group.quotients
    by_size = {size: _subsets(group, size) for size in range(1, isqrt(group.order) + 1)}
    reduced = {size: _up_to_automorphism(group, *by_size[size]) for size in by_size}
    found = []
    for n in by_size:
        for m in range(n, len(by_size) + 1):
            s, t, u = _largest_third(group.table, quotients, group.inverses, reduced[n][1], by_size[m][1])
            if s >= 0 and _count(u) >= m:
                members = (reduced[n][0][s], by_size[m][0][t], _elements(u))
                found.append(SubsetTriple(*(tuple(int(g) for g in part) for part in members)))
    return found


def triple_product_capacity(group: FiniteGroup) -> int:
    """The largest |S||T||U| over all subset triples with the property.

    >>> from stl_algebra.groups import symmetric
    >>> triple_product_capacity(symmetric(3))
    8
    """
    return max(triple.size for triple in maximal_subset_triples(group))


def _subsets(group: FiniteGroup, size: int) -> tuple[Integers, Masks]:
    """Subsets of a size that hold the identity, one for each quotient set, and the quotient sets as words."""
    others = [g for g in range(group.order) if g != group.identity]
    chosen = np.array([(group.identity, *rest) for rest in combinations(others, size - 1)], dtype=np.int64)
    masks = _quotient_masks(group.quotients, chosen)
    masks, first = np.unique(masks, return_index=True)
    return np.sort(chosen[first], axis=1), masks


def _up_to_automorphism(group: FiniteGroup, chosen: Integers, masks: Masks) -> tuple[Integers, Masks]:
    try:
        maps = automorphisms(group, limit=2000)
    except InvalidInput:
        maps = inner_automorphisms(group)
    keep = _least_in_orbit(maps, masks)
    return chosen[keep], masks[keep]


@njit(cache=True)
def _quotient_masks(quotients: Integers, subsets: Integers) -> Masks:
    masks = np.zeros(len(subsets), np.uint64)
    for row in range(len(subsets)):
        for a in subsets[row]:
            for b in subsets[row]:
                masks[row] |= _WORD << np.uint64(quotients[a, b])
    return masks


@njit(cache=True)
def _least_in_orbit(maps: Integers, masks: Masks) -> NDArray[np.bool_]:
    """Which words are the least among their images under the maps."""
    keep = np.ones(len(masks), np.bool_)
    for row in range(len(masks)):
        for image in maps:
            moved = np.uint64(0)
            for g in range(len(image)):
                if masks[row] >> np.uint64(g) & _WORD:
                    moved |= _WORD << np.uint64(image[g])
            if moved < masks[row]:
                keep[row] = False
                break
    return keep


@njit(cache=True)
def _largest_third(
    table: Integers,
    quotients: Integers,
    inverses: Integers,
    s_masks: Masks,
    t_masks: Masks,
) -> tuple[int, int, np.uint64]:
    """(S, T, U) with the largest U; row numbers of S and T, U as a word; (−1, −1, 0) where no pair fits."""
    order = len(table)
    identity = _WORD << np.uint64(quotients[0, 0])
    best_s, best_t, best_u, best_size = -1, -1, np.uint64(0), 0
    adjacent = np.zeros(order, np.uint64)
    for s in range(len(s_masks)):
        for t in range(len(t_masks)):
            if s_masks[s] & t_masks[t] != identity:
                continue
            allowed = ~_product_mask(table, inverses, s_masks[s], t_masks[t])
            if order < 64:
                allowed &= (_WORD << np.uint64(order)) - _WORD
            if _popcount(allowed) + 1 <= best_size:
                continue
            for u in range(order):
                adjacent[u] = 0
                if allowed >> np.uint64(u) & _WORD:
                    for v in range(order):
                        if allowed >> np.uint64(v) & allowed >> np.uint64(quotients[u, v]) & _WORD:
                            adjacent[u] |= _WORD << np.uint64(v)
            clique = _larger_clique(adjacent, np.uint64(0), allowed, best_size - 1)
            if clique or best_size == 0:
                best_s, best_t, best_u = s, t, clique | identity
                best_size = _popcount(best_u)
    return best_s, best_t, best_u


@njit(cache=True)
def _product_mask(table: Integers, inverses: Integers, first: np.uint64, second: np.uint64) -> np.uint64:
    """The products of two quotient sets, and their inverses, as a word."""
    order = len(table)
    mask = np.uint64(0)
    for a in range(order):
        if first >> np.uint64(a) & _WORD:
            for b in range(order):
                if second >> np.uint64(b) & _WORD:
                    mask |= _WORD << np.uint64(table[a, b])
                    mask |= _WORD << np.uint64(inverses[table[a, b]])
    return mask


@njit(cache=True)
def _larger_clique(adjacent: Masks, clique: np.uint64, candidates: np.uint64, size: int) -> np.uint64:
    """A largest clique of more than `size` vertices that extends `clique` by candidates, or 0."""
    if candidates == 0:
        return clique if _popcount(clique) > size else np.uint64(0)
    best = np.uint64(0)
    while candidates != 0 and _popcount(clique) + _popcount(candidates) > size:
        bit = candidates & (~candidates + _WORD)
        candidates ^= bit
        found = _larger_clique(adjacent, clique | bit, candidates & adjacent[_popcount(bit - _WORD)], size)
        if found:
            best, size = found, _popcount(found)
    if _popcount(clique) > size:
        best = clique
    return best


@njit(cache=True, inline="always")
def _popcount(word: np.uint64) -> int:
    word = word - (word >> np.uint64(1) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + (word >> np.uint64(2) & np.uint64(0x3333333333333333))
    word = word + (word >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(word * np.uint64(0x0101010101010101) >> np.uint64(56))


def _count(word: np.uint64) -> int:
    return int(word).bit_count()


def _elements(word: np.uint64) -> list[int]:
    return [g for g in range(MAX_ORDER) if int(word) >> g & 1]
