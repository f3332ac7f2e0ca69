"""The seam every way of searching stands behind: a problem in, improving encoders out."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from search.objective import Factors, Objective
from stl_algebra import Format, InvalidInput, Moments, Precision, TileEncoder

if TYPE_CHECKING:
    from search.trial import Recipe, Trial

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
    """An encoder a trial made, and how in plain words; `step` where it is a start for later trials and no result.

    A search adds what it was made from: the digests of the trial's parents, the recipe it can be made again by (None
    for a construction), and of its ancestors those that the problem did not bring, each after its own parents.
    """

    encoder: TileEncoder
    details: dict[str, Any] = field(default_factory=dict)
    step: bool = False
    parents: tuple[str, ...] = ()
    recipe: Recipe | None = None
    ancestors: tuple[Candidate, ...] = ()


class Explorer(ABC):
    """What a strategy keeps from trial to trial of one search, and how it draws the next one from that."""

    @abstractmethod
    def round(self, rng: np.random.Generator) -> Iterator[Trial]:
        """The next trials, often a single one, that count as one; none where there is nothing more to try.

        Each is drawn when the one before has been run and taken in.
        """

    @abstractmethod
    def take(self, trial: Trial, candidate: Candidate) -> None:
        """Learn what a trial made."""


class Strategy(ABC):
    """One way of searching: how it draws trials, and what it does in one.

    A search yields encoders of the problem's format and rank, each of lower cost than the last. The same problem and
    generator state give the same candidates in the same order, however the time falls; `stop` only ends the sequence.
    A trial is reproducible by itself (see Trial): whatever it needs of the search's past it has from its parents
    and options.
    """

    name: str

    @abstractmethod
    def applies(self, problem: Problem) -> bool:
        """Whether the strategy can do anything for this problem."""

    @abstractmethod
    def explorer(self, problem: Problem) -> Explorer:
        """What a search of this problem starts with."""

    @abstractmethod
    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        """Run a trial with its own generator; where `stop()`, what is left of it is passed over."""

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        """Yield improving candidates until `stop()`, or there is nothing more to try."""
        from search.exploration import explore

        return explore(self, problem, rng, stop)
