"""Heuristic search for subsets with the triple product property, one triple or several at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from search.triple_product.collision_annealing import Annealing
from stl_algebra import Format, InvalidInput
from stl_algebra.groups import FiniteGroup

Integers = NDArray[np.int64]
Triple = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class SubsetSearch:
    """What a run ended with: the triples (A_i, B_i, C_i) and how many unwanted solutions they have, 0 when they fit."""

    triples: tuple[Triple, ...]
    violations: int


def anneal_subsets(
    group: FiniteGroup,
    format: Format,
    count: int,
    rng: np.random.Generator,
    schedule: Annealing | None = None,
) -> SubsetSearch:
    """Look for `count` triples of subsets of sizes n, m, p with the simultaneous triple product property.

    The energy is the number of solutions of a a'⁻¹ b b'⁻¹ c c'⁻¹ = 1 across the triples beyond the trivial
    ones; a move replaces one element of one subset. One triple is the plain property. Raises InvalidInput
    where |A_i||B_i|, |B_i||C_i| or |A_i||C_i| is above |G| or count is not positive: no such triple exists.

    >>> from stl_algebra.groups import symmetric
    >>> anneal_subsets(symmetric(3), Format(2, 2, 2), 1, np.random.default_rng(0)).violations
    0

    Source: Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §5.
    """
    format, schedule = Format(*format), schedule or Annealing(moves=100_000, start=4.0, end=0.2)
    n, m, p = format
    if count < 1 or max(n * m, m * p, n * p) > group.order:
        raise InvalidInput(f"no {count} triples of sizes {format} fit into {group.name}, of order {group.order}")
    first, second, third = (
        np.array([rng.choice(group.order, size=size, replace=False) for _ in range(count)], dtype=np.int64)
        for size in format
    )
    violations = _anneal(
        group.table, group.inverses, first, second, third, schedule.moves, schedule.start, schedule.end, rng
    )
    rows = zip(first.tolist(), second.tolist(), third.tolist(), strict=True)
    return SubsetSearch(tuple((tuple(a), tuple(b), tuple(c)) for a, b, c in rows), int(violations))


@njit(cache=True)
def _anneal(
    table: Integers,
    inverses: Integers,
    first: Integers,
    second: Integers,
    third: Integers,
    moves: int,
    start: float,
    end: float,
    rng: np.random.Generator,
) -> int:
    """Anneal the subsets in place, leaving the best met; returns its number of unwanted solutions."""
    order, count = len(table), len(first)
    trivial = count * first.shape[1] * second.shape[1] * third.shape[1]
    ratios = np.zeros((count, count, order), np.int64)
    energy = _solutions(table, inverses, first, second, third, ratios) - trivial
    best = energy
    best_first, best_second, best_third = first.copy(), second.copy(), third.copy()
    cooling, temperature = (end / start) ** (1.0 / moves), start
    for _ in range(moves):
        if best == 0:
            break
        which, triple = int(rng.random() * 3), int(rng.random() * count)
        subset = first[triple] if which == 0 else (second[triple] if which == 1 else third[triple])
        place = int(rng.random() * len(subset))
        previous = subset[place]
        subset[place] = int(rng.random() * order)
        proposed = _solutions(table, inverses, first, second, third, ratios) - trivial
        if proposed <= energy or rng.random() < np.exp((energy - proposed) / temperature):
            energy = proposed
            if energy < best:
                best = energy
                _copy_rows(first, best_first)
                _copy_rows(second, best_second)
                _copy_rows(third, best_third)
        else:
            subset[place] = previous
        temperature *= cooling
    _copy_rows(best_first, first)
    _copy_rows(best_second, second)
    _copy_rows(best_third, third)
    return best


@njit(cache=True)
def _copy_rows(source: Integers, target: Integers) -> None:
    """target[:] = source, which numba would take seconds to compile."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@njit(cache=True)
def _solutions(
    table: Integers, inverses: Integers, first: Integers, second: Integers, third: Integers, ratios: Integers
) -> int:
    """How often a a'⁻¹ b b'⁻¹ c c'⁻¹ = 1, a ∈ A_i, a' ∈ A_j, b ∈ B_j, b' ∈ B_k, c ∈ C_k, c' ∈ C_i."""
    count = len(first)
    for k in range(count):
        for i in range(count):
            for g in range(len(table)):
                ratios[k, i, g] = 0
            for c in third[k]:
                for d in third[i]:
                    ratios[k, i, table[d, inverses[c]]] += 1  # (c c'⁻¹)⁻¹
    solutions = 0
    for i in range(count):
        for a in first[i]:
            for j in range(count):
                for a2 in first[j]:
                    quotient = table[a, inverses[a2]]
                    for b in second[j]:
                        left = table[quotient, b]
                        for k in range(count):
                            for b2 in second[k]:
                                solutions += ratios[k, i, table[left, inverses[b2]]]
    return solutions
