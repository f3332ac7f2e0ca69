"""The seam every way of searching stands behind: a problem in, improving encoders out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from search.objective import Factors, Objective
from stl_algebra import Format, InvalidInput, Moments, Precision, TileEncoder

#: By how much a non-exact encoder must be better, in error at the precision, to be preferred to an exact one.
EXACTNESS = 1e-3


@dataclass(frozen=True)
class Problem:
    """What is searched for: an encoder of a format and rank of least error at a precision.

    `known` are encoders of the same format, of any rank, that a strategy may start from, and `parts` encoders of
    smaller formats that it may compose. With `weights` the error
    is that under these second moments of the tiles, instead of on white inputs. Raises InvalidInput where the rank
    or the weights do not fit the format.

    >>> Problem(Format(2, 2, 2), 7).precision.name
    'bf16'
    """

    format: Format
    rank: int
    precision: Precision = field(default_factory=lambda: Precision.parse("bf16"))
    known: tuple[TileEncoder, ...] = ()
    weights: Moments | None = None
    parts: tuple[TileEncoder, ...] = ()

    def __post_init__(self) -> None:
        self.format.check_rank(self.rank)
        if self.weights is not None and self.weights.format != self.format:
            raise InvalidInput(f"moments of tiles {self.weights.format} say nothing of tiles {self.format}")

    def objective(self, emphasis: float = 1.0) -> Objective:
        """The sum of squares to minimise; `emphasis` above 1 holds the growth down."""
        return Objective.at(self.format, self.precision, emphasis=emphasis, weights=self.weights)

    def factors(self, encoder: TileEncoder) -> Factors:
        """An encoder's factors in the coordinates of the objective, one row a product."""
        return self.whitened(encoder.factors)

    def whitened(self, factors: Factors) -> Factors:
        """Factors that stand as they are in an encoder, in the coordinates of the objective."""
        return factors if self.weights is None else self.weights.whitened(factors)

    def encoder(self, factors: Factors) -> TileEncoder:
        """The approximate encoder of factors in the coordinates of the objective."""
        u, v, w = factors if self.weights is None else self.weights.restored(factors)
        return TileEncoder(self.format, u, v, w.T)

    def error(self, encoder: TileEncoder) -> float:
        """What is minimised: the error at the precision, under the weights where there are any."""
        if self.weights is None:
            return encoder.error_at(self.precision)
        return self.weights.error_at(encoder, self.precision)

    def cost(self, encoder: TileEncoder) -> float:
        """What encoders are ranked by: the error, less EXACTNESS for an exact one."""
        return self.error(encoder) - EXACTNESS * encoder.ring.is_exact_for_reals

    def improves(self, encoder: TileEncoder, best: TileEncoder | None) -> bool:
        """Whether an encoder is worth reporting after the best so far: better by a ten-thousandth of its error."""
        if best is None:
            return True
        return self.cost(encoder) < self.cost(best) - 1e-4 * self.error(encoder)

    def known_of_rank(self, rank: int) -> list[TileEncoder]:
        """The known encoders of one rank, best first."""
        return sorted((e for e in self.known if e.rank == rank), key=self.cost)


class Stop:
    """When to stop: a deadline, a number of trials, or a call to `cancel`. Calling it tells whether to.

    >>> Stop(trials=0)()
    True
    """

    def __init__(self, *, seconds: float | None = None, trials: int | None = None) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._trials_left = trials
        self._cancelled = False

    def __call__(self) -> bool:
        if self._cancelled or (self._trials_left is not None and self._trials_left <= 0):
            return True
        return self._deadline is not None and time.monotonic() >= self._deadline

    def cancel(self) -> None:
        self._cancelled = True

    def count_trial(self) -> None:
        """A strategy says that one trial (one start, drop or hop) is done."""
        if self._trials_left is not None:
            self._trials_left -= 1


@dataclass(frozen=True)
class Candidate:
    """An encoder a strategy found, the digests of those it was made from, and how in plain words."""

    encoder: TileEncoder
    parents: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Strategy(Protocol):
    """One way of searching. It yields encoders of the problem's format and rank, each of lower cost than the last.

    The same problem and generator state give the same candidates in the same order, however the time falls;
    `stop` only ends the sequence. A strategy returns when it has nothing more to try.
    """

    name: str

    def applies(self, problem: Problem) -> bool:
        """Whether the strategy can do anything for this problem."""

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        """Yield improving candidates until `stop()`."""


class Improving:
    """Passes on only what is better than everything before it.

    >>> Improving(Problem(Format(2, 2, 2), 7)).best is None
    True
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.best: TileEncoder | None = None

    def offer(self, candidate: Candidate) -> Iterator[Candidate]:
        """The candidate itself, or nothing where it does not improve."""
        encoder = candidate.encoder
        assert encoder.rank == self._problem.rank
        assert encoder.format == self._problem.format
        if self._problem.improves(encoder, self.best):
            self.best = encoder
            yield candidate
