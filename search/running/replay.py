"""Making an encoder again from its recipe, and telling how far what comes out is what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from search.problem import Problem
from search.running.environment import differences
from search.running.exploration import candidates_of
from search.stop import Stop
from search.strategies import strategy
from search.strategy import Strategy
from search.trial import Candidate, Recipe, Trial, program_version
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, TileMoments

#: Errors agree to this many digits where another machine or BLAS makes an encoder again. Of a hundred shipped encoders,
#: made again with another kernel of OpenBLAS, none differed by more than 5e-7: a trial that runs into the same minimum
#: ends at another point of it.
DIGITS = 5


@dataclass(frozen=True)
class Promise:
    """What replaying some recipes is to give.

    If the environment is that of the recipes, the same encoder to the last bit comes out; otherwise one whose error
    agrees to `DIGITS` digits.

    Parameters
    ----------
    elsewhere : tuple[str, ...]
        In what the environment here differs from theirs, in words.
    """

    elsewhere: tuple[str, ...] = ()

    @classmethod
    def of(cls, recipes: Sequence[Recipe]) -> Promise:
        """Return what a line of trials promises, each from what came out of the one before.

        Parameters
        ----------
        recipes : Sequence[Recipe]
            The recipes of the trials.

        Returns
        -------
        Promise
            The promise.
        """
        return cls(tuple(dict.fromkeys(line for recipe in recipes for line in _elsewhere(recipe))))

    @property
    def identity(self) -> bool:
        """Whether the same encoder to the last bit is to come out."""
        return not self.elsewhere

    def __str__(self) -> str:
        if self.identity:
            return "the same encoder, bit by bit: it was made with this processor and this BLAS"
        where = "; ".join(self.elsewhere)
        return f"the error agrees to {DIGITS} digits, the matrices need not be the same (made elsewhere: {where})"


@dataclass(frozen=True)
class Replay:
    """An encoder as it was recorded and as it came out of its trial, run again.

    Parameters
    ----------
    recorded : TileEncoder
        The encoder as it was recorded.
    made : TileEncoder
        The encoder that came out.
    precision : Precision
        The precision of the search.
    weights : TileMoments, optional
        The moments it was found under, if any.
    promise : Promise
        What was to come out.
    """

    recorded: TileEncoder
    made: TileEncoder
    precision: Precision
    weights: TileMoments | None = None
    promise: Promise = Promise()

    @property
    def identical(self) -> bool:
        """Whether both have the same digest."""
        return self.recorded == self.made

    @property
    def errors(self) -> tuple[float, float]:
        """The errors at the precision, under the weights where there are any: recorded, then made."""
        if self.weights is None:
            return self.recorded.error_at(self.precision), self.made.error_at(self.precision)
        return self.weights.error_at(self.recorded, self.precision), self.weights.error_at(self.made, self.precision)

    @property
    def error_difference(self) -> float:
        """|e' − e| / e of the errors at the precision."""
        recorded, made = self.errors
        return abs(made - recorded) / recorded

    @property
    def difference(self) -> float:
        """The largest ‖M' − M‖ / ‖M‖ over the three matrices; infinite where there are more or fewer products."""
        if self.recorded.rank != self.made.rank:
            return float("inf")
        pairs = zip(self.recorded.factors, self.made.factors, strict=True)
        return max(float(np.linalg.norm(b - a) / np.linalg.norm(a)) for a, b in pairs)

    @property
    def alike(self) -> bool:
        """Whether both do as well: as many products, exact in the same ring or in none, errors that agree to DIGITS.

        Matrices are not compared: along a family of equally good encoders, and under the symmetries of the tensor,
        they differ by anything.
        """
        kinds = [(encoder.format, encoder.rank, encoder.ring) for encoder in (self.recorded, self.made)]
        return self.identical or (kinds[0] == kinds[1] and self.error_difference <= 10.0**-DIGITS)

    @property
    def kept(self) -> bool:
        """Whether what was promised came out."""
        return self.identical if self.promise.identity else self.alike

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON object; a difference that is not finite is null.

        Returns
        -------
        dict[str, Any]
            What came out, and what was promised.
        """
        differences = {"error_difference": self.error_difference, "difference": self.difference}
        finite = {name: value if np.isfinite(value) else None for name, value in differences.items()}
        promised = {
            "promised": "identical" if self.promise.identity else "alike",
            "elsewhere": list(self.promise.elsewhere),
        }
        return {"identical": self.identical, "alike": self.alike, **finite, **promised, "kept": self.kept}

    def __str__(self) -> str:
        if self.identical:
            return "the same encoder, bit by bit"
        what = "an encoder as good, with other matrices" if self.alike else "another encoder"
        before, after = self.errors
        return (
            f"{what}: error in {self.precision} {after:.9g} where {before:.9g} was recorded "
            f"(differs by {self.error_difference:.2g}), matrices differ by {self.difference:.2g}"
        )


def make_again(
    recipe: Recipe, parents: Sequence[TileEncoder], weights: TileMoments | None = None, by: Strategy | None = None
) -> TileEncoder:
    """Run the trial of a recipe again and return the encoder that the recipe is of.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    parents : Sequence[TileEncoder]
        The parents of the encoder, in order.
    weights : TileMoments, optional
        The moments it was found under, if any.
    by : Strategy, optional
        The strategy that runs the trial; by default the one of the recipe's name.

    Returns
    -------
    TileEncoder
        The encoder; the same to the last bit if the environment is that of the recipe.

    Raises
    ------
    InvalidInput
        If the moments are missing or others, the strategy is unknown, or the trial makes nothing at that place.

    Examples
    --------
    >>> from search.running.exploration import run_trial
    >>> trial = Trial("als", Problem(Format(2, 2, 2), 7), "random", seed=1)
    >>> found = next(run_trial(trial, Stop()))
    >>> make_again(found.recipe, ()) == found.encoder
    True
    """
    if recipe.weights != (None if weights is None else weights.digest):
        under = "no moments" if recipe.weights is None else f"the moments {recipe.weights[:10]}"
        raise InvalidInput(f"it was found under {under}; give their file, and no other, with --weights")
    problem = Problem(Format.parse(recipe.format), recipe.rank, Precision.parse(recipe.precision), weights=weights)
    trial = Trial(recipe.strategy, problem, recipe.kind, tuple(parents), recipe.options, recipe.seed)
    stop = _EndingAtQuestion(recipe.ended) if recipe.environment is None else _EndingAfter(recipe.ended_after)
    try:
        candidate = next(islice(candidates_of(trial, stop, by), recipe.place, None), None)
    except InvalidInput:
        raise
    except (LookupError, TypeError, ValueError, AssertionError) as error:
        raise InvalidInput(f"the recipe cannot be followed ({type(error).__name__}: {error})") from error
    if candidate is not None:
        return candidate.encoder
    raise InvalidInput(
        f"the trial makes no encoder number {recipe.place + 1} any more; it was recorded by strassen-tile "
        f"{recipe.version}, this is {program_version()}"
    )


def replays(steps: Sequence[Candidate], weights: TileMoments | None = None) -> Iterator[Replay]:
    """Run the trials of some encoders again, each after its own parents and from what came out for those.

    Encoders without a recipe are taken as they are: they are the roots. To replay one trial alone, give its parents
    without recipes.

    Parameters
    ----------
    steps : Sequence[Candidate]
        The encoders, each after its parents.
    weights : TileMoments, optional
        The moments they were found under, if any.

    Yields
    ------
    Replay
        An encoder with a recipe as it was recorded, and as it came out.

    Raises
    ------
    InvalidInput
        If a parent is missing, or a recipe cannot be followed.

    Examples
    --------
    >>> from search.running.exploration import explore
    >>> problem = Problem(Format(2, 2, 2), 7)
    >>> found = next(explore(strategy("als"), problem, np.random.default_rng(0), Stop(trials=1)))
    >>> [str(replay) for replay in replays([found])]
    ['the same encoder, bit by bit']
    """
    if weights is not None and not any(step.recipe and step.recipe.weights for step in steps):
        raise InvalidInput("it was found without moments; leave --weights out")
    made: dict[str, TileEncoder] = {}
    followed: list[Recipe] = []
    for step in steps:
        recorded = step.encoder
        if step.recipe is None:
            made[recorded.digest] = recorded
            continue
        if missing := [parent for parent in step.parents if parent not in made]:
            raise InvalidInput(f"{recorded.digest[:10]} cannot be replayed: its parent {missing[0][:10]} is missing")
        under = None if step.recipe.weights is None else weights
        again = make_again(step.recipe, [made[parent] for parent in step.parents], under)
        made[recorded.digest] = again
        followed.append(step.recipe)
        yield Replay(recorded, again, Precision.parse(step.recipe.precision), under, Promise.of(followed))


def _elsewhere(recipe: Recipe) -> list[str]:
    """In what the environment here differs from the recipe's, in words; that of a strategy not installed is as here."""
    try:
        libraries = strategy(recipe.strategy).libraries
    except InvalidInput:
        libraries = ()
    return differences(recipe.environment, libraries)


class _EndingAfter(Stop):
    """Answers by yes from a step and a question on; never if that is None."""

    def __init__(self, ended: tuple[int, int] | None) -> None:
        super().__init__()
        self._ended = ended
        self._steps, self._questions = 0, 0

    def __call__(self) -> bool:
        self._questions += 1
        return self._ended is not None and (self._steps, self._questions) >= self._ended

    def worked(self) -> None:
        self._steps, self._questions = self._steps + 1, 0


class _EndingAtQuestion(Stop):
    """As recipes of old versions record it: answers by yes from the question of a number on, never if it is None."""

    def __init__(self, ended: int | None) -> None:
        super().__init__()
        self._questions = 0
        self._ended = ended

    def __call__(self) -> bool:
        self._questions += 1
        return self._ended is not None and self._questions >= self._ended
