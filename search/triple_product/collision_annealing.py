"""The approximate triple product property: maps into a group with the least collision error, by annealing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stl_algebra import Format, InvalidInput
from stl_algebra.compiled import njit
from stl_algebra.group_encoders import GroupMaps
from stl_algebra.groups import FiniteGroup

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Annealing:
    """How to anneal: single-entry moves, temperature falling geometrically; energies are squared residuals.

    >>> Annealing(moves=1000).start
    1.0
    """

    moves: int = 400_000
    start: float = 1.0
    end: float = 0.05

    def __post_init__(self) -> None:
        if self.moves < 1 or not 0 < self.end <= self.start:
            raise InvalidInput(f"an annealing needs moves and 0 < end ≤ start; not {self}")


def anneal_maps(
    format: Format, group: FiniteGroup, rng: np.random.Generator, schedule: Annealing | None = None
) -> GroupMaps:
    """Maps α, β of a format's entries into a group, the best met on one annealing run from a random start.

    The energy is ‖R‖² with the least-squares decoder, n·m·p − Σ_kg n_kg² / N_g. A move sends one
    entry of X or W to another element; it changes N along a row of the m·p (or n·m) pairs and n_kg for p
    (or n) of them, so that it is scored without going through all pairs.

    >>> maps = anneal_maps(Format(1, 2, 1), FiniteGroup("C2", [[0, 1], [1, 0]]), np.random.default_rng(0))
    >>> maps.relative_error
    0.0

    Source: Kirkpatrick, Gelatt, Vecchi, Optimization by simulated annealing, 1983; arXiv 2510.22193 (the problem).
    """
    format, schedule = Format(*format), schedule or Annealing()
    n, m, p = format
    alpha = rng.integers(group.order, size=n * m)
    beta = rng.integers(group.order, size=m * p)
    _anneal(group.table, n, m, p, alpha, beta, schedule.moves, schedule.start, schedule.end, rng)
    return GroupMaps(format, group, alpha, beta)


@njit(cache=True)
def _anneal(
    table: Integers,
    n: int,
    m: int,
    p: int,
    alpha: Integers,
    beta: Integers,
    moves: int,
    start: float,
    end: float,
    rng: np.random.Generator,
) -> float:
    """Anneal alpha and beta in place, leaving the best met; returns its Σ_kg n_kg² / N_g."""
    order, in_x, entries = len(table), n * m, n * m + m * p
    total, wanted, squares = _counts(table, n, m, p, alpha, beta)
    reciprocal = np.zeros(n * m * m * p + 1)
    for count in range(1, len(reciprocal)):
        reciprocal[count] = 1.0 / count
    captured = _captured(squares, total, reciprocal)
    best, best_alpha, best_beta = captured, alpha.copy(), beta.copy()
    cooling, temperature = (end / start) ** (1.0 / moves), start
    for _ in range(moves):
        entry, image = int(rng.random() * entries), int(rng.random() * order)
        previous = alpha[entry] if entry < in_x else beta[entry - in_x]
        _move(table, n, m, p, alpha, beta, entry, image, total, wanted, squares)
        proposed = _captured(squares, total, reciprocal)
        if proposed >= captured or rng.random() < np.exp((proposed - captured) / temperature):
            captured = proposed
            if captured > best + 1e-9:
                best = captured
                _copy(alpha, best_alpha)
                _copy(beta, best_beta)
        else:
            _move(table, n, m, p, alpha, beta, entry, previous, total, wanted, squares)
        temperature *= cooling
    _copy(best_alpha, alpha)
    _copy(best_beta, beta)
    return best


@njit(cache=True)
def _copy(source: Integers, target: Integers) -> None:
    """target[:] = source, which numba would take seconds to compile."""
    for index in range(len(source)):
        target[index] = source[index]


@njit(cache=True)
def _counts(
    table: Integers, n: int, m: int, p: int, alpha: Integers, beta: Integers
) -> tuple[Integers, Integers, Integers]:
    """N_g, n_kg (as rows of g) and Σ_k n_kg², from scratch."""
    total = np.zeros(len(table), np.int64)
    wanted = np.zeros((len(table), n * p), np.int64)
    for a in alpha:
        for b in beta:
            total[table[a, b]] += 1
    for i in range(n):
        for j in range(m):
            for k in range(p):
                wanted[table[alpha[i * m + j], beta[j * p + k]], i * p + k] += 1
    squares = np.zeros(len(table), np.int64)
    for g in range(len(table)):
        for c in range(n * p):
            squares[g] += wanted[g, c] * wanted[g, c]
    return total, wanted, squares


@njit(cache=True, inline="always")
def _captured(squares: Integers, total: Integers, reciprocal: NDArray[np.float64]) -> float:
    captured = 0.0
    for g in range(len(total)):
        captured += squares[g] * reciprocal[total[g]]
    return captured


@njit(cache=True)
def _move(
    table: Integers,
    n: int,
    m: int,
    p: int,
    alpha: Integers,
    beta: Integers,
    entry: int,
    image: int,
    total: Integers,
    wanted: Integers,
    squares: Integers,
) -> None:
    """Send an entry, of X and then of W, to `image` and bring the counts up to date."""
    if entry < n * m:
        old, new = table[alpha[entry]], table[image]
        for b in beta:
            total[old[b]] -= 1
            total[new[b]] += 1
        i, j = entry // m, entry % m
        for k in range(p):
            b = beta[j * p + k]
            _recount(old[b], new[b], i * p + k, wanted, squares)
        alpha[entry] = image
    else:
        entry -= n * m
        previous = beta[entry]
        for a in alpha:
            total[table[a, previous]] -= 1
            total[table[a, image]] += 1
        j, k = entry // p, entry % p
        for i in range(n):
            row = table[alpha[i * m + j]]
            _recount(row[previous], row[image], i * p + k, wanted, squares)
        beta[entry] = image


@njit(cache=True, inline="always")
def _recount(old: int, new: int, output: int, wanted: Integers, squares: Integers) -> None:
    squares[old] -= 2 * wanted[old, output] - 1
    wanted[old, output] -= 1
    squares[new] += 2 * wanted[new, output] + 1
    wanted[new, output] += 1
