"""One trial of a strategy as a pure function of little, and the recipe by which what it made is made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from itertools import islice
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from search.strategies import strategy
from search.strategy import Candidate, Problem, Stop
from stl_algebra import Format, InvalidInput, Moments, Precision, TileEncoder


@dataclass(frozen=True)
class Trial:
    """One start, drop, hop or descent: what it makes depends on what stands here alone, and on where time ends it.

    The problem knows no encoders: those that the trial starts from are its `parents`, in their order. `kind` is what
    it does with them, in a word of its strategy, `options` are what else it is run with, as JSON can hold it, and
    `seed` is that of its generator.

    >>> from stl_algebra import strassen
    >>> hop = Trial("als", Problem(Format(2, 2, 2), 7, known=(strassen(),)), "hop", (strassen(),), seed=1)
    >>> hop.problem.known, next(hop.run(Stop())).parents == (strassen().digest,)
    ((), True)
    """

    strategy: str
    problem: Problem
    kind: str
    parents: tuple[TileEncoder, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", replace(self.problem, known=(), parts=()))

    def run(self, stop: Stop) -> Iterator[Candidate]:
        """What the trial makes, in order, with parents and recipe."""
        asked = _Asked(stop)
        parents = tuple(parent.digest for parent in self.parents)
        made = strategy(self.strategy).trial(self, np.random.default_rng(self.seed), asked)
        for place, candidate in enumerate(made):
            yield replace(candidate, parents=parents, recipe=Recipe.of(self, place, asked.ended))


@dataclass(frozen=True)
class Recipe:
    """By what a candidate is made again from its parents: its trial, and which of the trial's candidates it is.

    A trial that time ended is ended at the same place again: `ended` is the number of the question whether to stop
    that was first answered by yes before the candidate was made, None where all were answered by no. `weights` is
    the digest of the moments, if any; `version` that of the program.

    >>> trial = Trial("als", Problem(Format(2, 2, 2), 7), "random", seed=1)
    >>> found = next(trial.run(Stop()))
    >>> Recipe.from_json(found.recipe.as_json()).made(()) == found.encoder
    True
    """

    strategy: str
    format: str
    rank: int
    precision: str
    weights: str | None
    kind: str
    options: Mapping[str, Any]
    seed: int
    place: int
    ended: int | None
    version: str

    @classmethod
    def of(cls, trial: Trial, place: int, ended: int | None) -> Self:
        """The recipe of a trial's candidate."""
        problem = trial.problem
        weights = None if problem.weights is None else problem.weights.digest
        return cls(
            strategy=trial.strategy,
            format=str(problem.format),
            rank=problem.rank,
            precision=problem.precision.name,
            weights=weights,
            kind=trial.kind,
            options=dict(trial.options),
            seed=trial.seed,
            place=place,
            ended=ended,
            version=_version(),
        )

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `as_json` writes. Raises InvalidInput where a field is missing or not of its kind."""
        words = ("strategy", "format", "precision", "kind", "version")
        kinds: dict[str, tuple[type, ...]] = dict.fromkeys(words, (str,))
        kinds |= dict.fromkeys(("rank", "seed", "place"), (int,))
        kinds |= {"weights": (str, type(None)), "ended": (int, type(None)), "options": (Mapping,)}
        for name, kind in kinds.items():
            if not isinstance(fields.get(name), kind):
                raise InvalidInput(f"the recipe's {name} is {fields.get(name)!r}, which is no {kind[0].__name__}")
        return cls(**{name: fields[name] for name in kinds})

    def made(self, parents: Sequence[TileEncoder], weights: Moments | None = None) -> TileEncoder:
        """The encoder, made again from its parents, with BLAS held to one thread as in a search.

        Raises InvalidInput where the moments are missing or others, or the trial makes nothing at that place.
        """
        if self.weights != (None if weights is None else weights.digest):
            under = "no moments" if self.weights is None else f"the moments {self.weights[:10]}"
            raise InvalidInput(f"it was found under {under}; give their file, and no other, with --weights")
        problem = Problem(Format.parse(self.format), self.rank, Precision.parse(self.precision), weights=weights)
        trial = Trial(self.strategy, problem, self.kind, tuple(parents), self.options, self.seed)
        with threadpool_limits(1):
            made = trial.run(_EndingAt(self.ended))
            try:
                candidate = next(islice(made, self.place, None), None)
            except InvalidInput:
                raise
            except (LookupError, TypeError, ValueError, AssertionError) as error:
                raise InvalidInput(f"the recipe cannot be followed ({type(error).__name__}: {error})") from error
        if candidate is not None:
            return candidate.encoder
        raise InvalidInput(
            f"the trial makes no encoder number {self.place + 1} any more; it was recorded by strassen-tile "
            f"{self.version}, this is {_version()}"
        )


class _Asked(Stop):
    """Another stop, and the number of the question that it first answered by yes."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop
        self._questions = 0
        self.ended: int | None = None

    def __call__(self) -> bool:
        self._questions += 1
        if self.ended is None and self._stop():
            self.ended = self._questions
        return self.ended is not None


class _EndingAt(Stop):
    """Answers by yes from the question of a number on; never where that is None."""

    def __init__(self, ended: int | None) -> None:
        super().__init__()
        self._questions = 0
        self._ended = ended

    def __call__(self) -> bool:
        self._questions += 1
        return self._ended is not None and self._questions >= self._ended


@cache
def _version() -> str:
    return metadata.version("strassen-tile")
