"""One trial of a strategy, what it made, and the recipe to make it again: data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from typing import Any, Self

from search.problem import Problem
from stl_algebra import InvalidInput, TileEncoder


@dataclass(frozen=True)
class Trial:
    """One start, drop, hop or walk: its fields alone, and where time ends it, determine what it makes.

    A strategy draws trials (`Explorer.ask`) and runs them (`Strategy.trial`). `search.running.exploration` gives each
    its seed.

    Parameters
    ----------
    strategy : str
        The name of the strategy that runs it.
    problem : Problem
        What is searched for. Its `known` and `parts` are emptied: a trial starts from its parents and nothing else.
    kind : str
        What the trial does with its parents, in a word of the strategy.
    parents : tuple[TileEncoder, ...]
        The encoders it starts from, in order.
    options : Mapping[str, Any]
        What else it depends on: names and values that JSON can hold.
    seed : int
        The seed of its random generator.

    Examples
    --------
    >>> from stl_algebra import Format, strassen
    >>> hop = Trial("als", Problem(Format(2, 2, 2), 7, known=(strassen(),)), "hop", (strassen(),), seed=1)
    >>> hop.problem.known
    ()
    """

    strategy: str
    problem: Problem
    kind: str
    parents: tuple[TileEncoder, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", replace(self.problem, known=(), parts=()))


@dataclass(frozen=True)
class Candidate:
    """An encoder that a trial made.

    A strategy sets `encoder`, `details` and `step`. The search adds where the encoder comes from.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    details : dict[str, Any]
        How it was made, in plain words: names and values that JSON can hold.
    step : bool
        Whether it is only a start for later trials and not a result.
    parents : tuple[str, ...]
        The digests of the trial's parents.
    recipe : Recipe, optional
        How to make the encoder again; None for a construction.
    ancestors : tuple[Candidate, ...]
        Its ancestors that the search itself made, each after its own parents.
    """

    encoder: TileEncoder
    details: dict[str, Any] = field(default_factory=dict)
    step: bool = False
    parents: tuple[str, ...] = ()
    recipe: Recipe | None = None
    ancestors: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How to make a candidate again from its parents: the trial, and which of its candidates it is.

    If time ended the trial, replaying ends it at the same step of work again. Recipes of old versions have neither
    `ended_after` nor `environment`; they count in `ended` how often the trial had asked whether to stop.

    Parameters
    ----------
    strategy : str
        The name of the strategy.
    format : str
        The format, such as "2x2x2".
    rank : int
        The number of products.
    precision : str
        The name of the precision.
    weights : str or None
        The digest of the moments; None for white inputs.
    kind : str
        The kind of the trial.
    options : Mapping[str, Any]
        The options of the trial.
    seed : int
        The seed of the trial.
    place : int
        The number of the candidate among those of the trial, from 0.
    version : str
        The version of the program.
    ended_after : tuple[int, int], optional
        The steps of work (see `Stop.worked`) that the trial had done when it was first told to stop, and the questions
        it had asked since the last step. None if it was not told to stop before it made the candidate.
    environment : Mapping[str, str], optional
        What the last digits depend on (see `search.running.environment`).
    ended : int, optional
        In recipes of old versions, the number of the question that was first answered by yes.

    Examples
    --------
    >>> from stl_algebra import Format
    >>> trial = Trial("als", Problem(Format(2, 2, 2), 7), "random", seed=1)
    >>> recipe = Recipe.of(trial, 0, None, {})
    >>> Recipe.from_json(recipe.as_json()) == recipe
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
    version: str
    ended_after: tuple[int, int] | None = None
    environment: Mapping[str, str] | None = None
    ended: int | None = None

    @classmethod
    def of(cls, trial: Trial, place: int, ended_after: tuple[int, int] | None, environment: Mapping[str, str]) -> Self:
        """Return the recipe of a trial's candidate.

        Parameters
        ----------
        trial : Trial
            The trial that made the candidate.
        place : int
            The number of the candidate among those of the trial, from 0.
        ended_after : tuple[int, int] or None
            Where the trial was told to stop; None if it was not.
        environment : Mapping[str, str]
            What the last digits depend on.

        Returns
        -------
        Recipe
            The recipe, of this version of the program.
        """
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
            version=program_version(),
            ended_after=ended_after,
            environment=environment,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object.

        Returns
        -------
        dict[str, Any]
            The fields by name.
        """
        fields = asdict(self) | {"environment": None if self.environment is None else dict(self.environment)}
        dropped = ("ended_after", "environment") if self.environment is None else ("ended",)
        return {name: value for name, value in fields.items() if name not in dropped}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `as_json` writes.

        Parameters
        ----------
        fields : Mapping[str, Any]
            The fields by name, as JSON gives them.

        Returns
        -------
        Recipe
            The recipe.

        Raises
        ------
        InvalidInput
            If a field is missing or not of its kind.
        """
        words = ("strategy", "format", "precision", "kind", "version")
        kinds: dict[str, tuple[type, ...]] = dict.fromkeys(words, (str,))
        kinds |= dict.fromkeys(("rank", "seed", "place"), (int,))
        kinds |= {"weights": (str, type(None)), "ended": (int, type(None)), "options": (Mapping,)}
        kinds |= {"environment": (Mapping, type(None)), "ended_after": (list, tuple, type(None))}
        for name, kind in kinds.items():
            if not isinstance(fields.get(name), kind):
                raise InvalidInput(f"the recipe's {name} is {fields.get(name)!r}, which is no {kind[0].__name__}")
        ended, where = fields.get("ended_after"), fields.get("environment")
        if ended is not None and not (len(ended) == 2 and all(type(count) is int and count >= 0 for count in ended)):
            raise InvalidInput(f"the recipe's ended_after is {ended!r}, which is no pair of counts")
        if where is not None and not all(isinstance(value, str) for value in where.values()):
            raise InvalidInput(f"the recipe's environment is {where!r}; its values must be text")
        read = {name: fields.get(name) for name in kinds} | {"ended_after": None if ended is None else tuple(ended)}
        return cls(**read)


@cache
def program_version() -> str:
    """Return the version of this program, which recipes record.

    Returns
    -------
    str
        Such as "0.1.0".
    """
    return metadata.version("strassen-tile")
