"""Composing encoders of smaller formats: sums, Kronecker products, exact outside and approximate inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from search.exact.compositions import CompositionTable
from search.exact.exact_seeds import derivation
from search.numerics.als import alternating_least_squares
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from stl_algebra import Format, TileEncoder, balance_factors

#: Sweeps between two looks at the error while a composition is settled, and the least gain that goes on.
SWEEPS, GAIN = 25, 2e-4
#: Rounds of an inner search before the table is made anew; inner problems are given up after so many in vain.
INNER_TRIALS, PATIENCE = 4, 4


class ComposeSearch(Strategy):
    """The best composition of known encoders and constructions, its parts improved by inner searches.

    An encoder of an outer format that is exact keeps the error of the one inside it, so the inner problems are
    those of every inner format at the rank that an exact outer encoder leaves. Products that the composition
    does not use are added at random, and alternating least squares settles the whole.
    """

    name = "compose"

    def applies(self, problem: Problem) -> bool:
        return max(problem.format) > 2 and problem.weights is None

    def explorer(self, problem: Problem) -> Explorer:
        return _Compositions(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        return _settled(trial.problem, _table(trial.problem, trial.parents), rng, stop)


class _Compositions(Explorer):
    """Draws the composition of the parts known by now where it is better, then trials of other strategies at a part.

    The parents of a composition are the parts it uses: of these and the constructions alone the best composition is
    the same.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._parts = list(problem.parts)
        self._misses = dict.fromkeys(_inner_problems(problem), 0)
        self._predicted = np.inf
        self._inner: _Inner | None = None

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        problem, rank = self._problem, self._problem.rank
        table = _table(problem, self._parts)
        if table.error(rank) < self._predicted - 1e-6:
            self._predicted = table.error(rank)
            yield Trial(ComposeSearch.name, problem, "composition", tuple(dict.fromkeys(table.parts_of(rank))))
        unsolved = [key for key, misses in self._misses.items() if misses < PATIENCE]
        if not unsolved:
            return
        key = unsolved[int(rng.integers(len(unsolved)))]
        inner = self._inner = _Inner(problem, key, self._parts, rng)
        for _ in range(INNER_TRIALS):
            yield from inner.explorer.ask(rng)
        self._misses[key] += 1 if inner.found is None else -self._misses[key]
        if inner.found is not None:
            self._parts.append(inner.found)

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        if trial.strategy != ComposeSearch.name:
            assert self._inner is not None
            self._inner.tell(trial, candidate)


class _Inner:
    """Another strategy, drawn at random, at the problem of a part, and the better encoder it `found`, if any."""

    def __init__(
        self, problem: Problem, key: tuple[Format, int], parts: list[TileEncoder], rng: np.random.Generator
    ) -> None:
        from search.strategies import strategy

        format, rank = key
        known = tuple(part for part in parts if part.format == format)
        self._problem = replace(problem, format=format, rank=rank, known=known, parts=())
        self._best = min((e for e in known if e.rank == rank), key=self._problem.cost, default=None)
        usable = [name for name in ("orbit", "deflation", "lm") if strategy(name).applies(self._problem)]
        self.explorer = strategy(usable[int(rng.integers(len(usable)))]).explorer(self._problem)
        self.found: TileEncoder | None = None

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        self.explorer.tell(trial, candidate)
        if self._problem.improves(candidate.encoder, self._best):
            self._best = self.found = candidate.encoder


def _table(problem: Problem, parts: Iterable[TileEncoder]) -> CompositionTable:
    return CompositionTable(problem.format, problem.rank, problem.precision, parts)


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


def _settled(problem: Problem, table: CompositionTable, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
    """The composition at the problem's rank, as it is where it has that rank, then settled."""
    encoder = table.encoder(problem.rank)
    details = {"composition": table.words(problem.rank)}
    if encoder.rank == problem.rank:
        yield Candidate(encoder, details)
    if encoder.exact:
        return
    objective = problem.objective()
    factors = _grown(problem, encoder, rng)
    value = np.inf
    while not stop() or value == np.inf:
        factors = alternating_least_squares(objective, factors, SWEEPS)
        stop.worked()
        before, value = value, objective.value(factors)
        if value > before * (1 - GAIN):
            break
    yield Candidate(problem.encoder(factors), {**details, "settled": True})


def _grown(problem: Problem, encoder: TileEncoder, rng: np.random.Generator) -> Factors:
    more = problem.rank - encoder.rank
    u, v, w = (
        np.concatenate([f, np.sqrt(np.mean(f**2)) * rng.standard_normal((more, f.shape[1]))])
        for f in balance_factors(*encoder.factors)
    )
    return u, v, w
