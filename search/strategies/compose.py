"""Composing encoders of smaller formats: sums, Kronecker products, exact outside and approximate inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from search.als import alternating_least_squares
from search.compositions import CompositionTable
from search.exact_seeds import derivation
from search.objective import Factors
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import Format, TileEncoder, balance_factors

#: Sweeps between two looks at the error while a composition is settled, and the least gain that goes on.
SWEEPS, GAIN = 25, 2e-4
#: Trials of an inner search before the table is made anew; inner problems are given up after so many in vain.
INNER_TRIALS, PATIENCE = 4, 4


class ComposeSearch:
    """The best composition of known encoders and constructions, its parts improved by inner searches.

    An encoder of an outer format that is exact keeps the error of the one inside it, so the inner problems are
    those of every inner format at the rank that an exact outer encoder leaves. Products that the composition
    does not use are added at random, and alternating least squares settles the whole.
    """

    name = "compose"

    def applies(self, problem: Problem) -> bool:
        return max(problem.format) > 2 and problem.weights is None

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        parts = list(problem.parts)
        inner = _inner_problems(problem)
        misses = dict.fromkeys(inner, 0)
        predicted = np.inf
        trial = 0
        while not stop():
            trial += 1
            table = CompositionTable(problem.format, problem.rank, problem.precision, parts)
            if table.error(problem.rank) < predicted - 1e-6:
                predicted = table.error(problem.rank)
                for candidate in _settled(problem, table, trial, rng, stop):
                    yield from improving.offer(candidate)
            stop.count_trial()
            open_problems = [key for key in inner if misses[key] < PATIENCE]
            if not open_problems:
                return
            key = open_problems[int(rng.integers(len(open_problems)))]
            found = _improve(problem, key, parts, rng, stop)
            misses[key] += 1 if found is None else -misses[key]
            if found is not None:
                parts.append(found)


def _inner_problems(problem: Problem) -> list[tuple[Format, int]]:
    """The inner formats and ranks that an exact outer encoder, cheaper than the classical one, leaves."""
    found: dict[tuple[Format, int], None] = {}
    for outer in product(*([d for d in range(1, size + 1) if size % d == 0] for size in problem.format)):
        inner = Format(*(size // d for size, d in zip(problem.format, outer, strict=True)))
        exact = derivation(Format(*outer)).rank
        rank = problem.rank // exact
        if exact < prod(outer) and inner.products > 1 and 0 < rank < derivation(inner).rank:
            found[Format(*sorted(inner)), rank] = None
    return list(found)


class _Until(Stop):
    """Stops after so many trials, or when another one stops."""

    def __init__(self, outer: Stop, trials: int) -> None:
        super().__init__(trials=trials)
        self._outer = outer

    def __call__(self) -> bool:
        return self._outer() or super().__call__()


def _improve(
    problem: Problem, key: tuple[Format, int], parts: list[TileEncoder], rng: np.random.Generator, stop: Stop
) -> TileEncoder | None:
    """A better encoder of an inner problem than any of the parts, by a few trials of another strategy."""
    from search.strategies import strategy

    format, rank = key
    known = tuple(e for e in parts if e.format == format)
    inner = replace(problem, format=format, rank=rank, known=known, parts=())
    usable = [name for name in ("orbit", "deflation", "lm") if strategy(name).applies(inner)]
    chosen = strategy(usable[int(rng.integers(len(usable)))])
    best = min((e for e in known if e.rank == rank), key=inner.cost, default=None)
    for candidate in chosen.search(inner, rng, _Until(stop, INNER_TRIALS)):
        if inner.improves(candidate.encoder, best):
            best = candidate.encoder
    return best if best is not None and all(best is not e for e in known) else None


def _settled(
    problem: Problem, table: CompositionTable, trial: int, rng: np.random.Generator, stop: Stop
) -> Iterator[Candidate]:
    """The composition at the problem's rank, as it is where it has that rank, then settled."""
    encoder = table.encoder(problem.rank)
    parents = tuple(dict.fromkeys(part.digest for part in table.parts_of(problem.rank)))
    details = {"trial": trial, "composition": table.words(problem.rank)}
    if encoder.rank == problem.rank:
        yield Candidate(encoder, parents, details)
    if encoder.exact:
        return
    objective = problem.objective()
    factors = _grown(problem, encoder, rng)
    value = np.inf
    while not stop() or value == np.inf:
        factors = alternating_least_squares(objective, factors, SWEEPS)
        before, value = value, objective.value(factors)
        if value > before * (1 - GAIN):
            break
    yield Candidate(problem.encoder(factors), parents, {**details, "settled": True})


def _grown(problem: Problem, encoder: TileEncoder, rng: np.random.Generator) -> Factors:
    more = problem.rank - encoder.rank
    u, v, w = (
        np.concatenate([f, np.sqrt(np.mean(f**2)) * rng.standard_normal((more, f.shape[1]))])
        for f in balance_factors(*encoder.factors)
    )
    return u, v, w
