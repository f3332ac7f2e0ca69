"""Making an encoder again from its recipe, and telling how far what comes out is what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.strategy import Candidate
from stl_algebra import InvalidInput, Moments, Precision, TileEncoder

#: Relative differences up to this are those of another machine's BLAS, in trials that do not multiply them.
ALIKE = 1e-6


@dataclass(frozen=True)
class Replay:
    """An encoder as it was recorded and as it came out of its trial, run again."""

    recorded: TileEncoder
    made: TileEncoder
    precision: Precision
    weights: Moments | None = None

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
        """Whether both are the same up to another machine's rounding."""
        return self.identical or max(self.error_difference, self.difference) <= ALIKE

    def as_json(self) -> dict[str, Any]:
        """The verdict as a JSON object; a difference that is not finite is null."""
        differences = {"error_difference": self.error_difference, "difference": self.difference}
        finite = {name: value if np.isfinite(value) else None for name, value in differences.items()}
        return {"identical": self.identical, "alike": self.alike, **finite}

    def __str__(self) -> str:
        if self.identical:
            return "the same encoder, bit by bit"
        what = "the same encoder up to rounding" if self.alike else "another encoder"
        before, after = self.errors
        return (
            f"{what}: error in {self.precision} {after:.9g} where {before:.9g} was recorded "
            f"(differs by {self.error_difference:.2g}), matrices differ by {self.difference:.2g}"
        )


def replays(steps: Sequence[Candidate], weights: Moments | None = None) -> Iterator[Replay]:
    """Run the trials of some encoders again, each after its own parents and from what came out for those.

    Those without a recipe are taken as they are: they are the roots. To replay one trial alone, give its parents
    without recipes. Raises InvalidInput where a parent is missing, or a recipe cannot be followed.

    >>> from search.strategies import strategy
    >>> from search.strategy import Problem, Stop
    >>> from stl_algebra import Format
    >>> problem = Problem(Format(2, 2, 2), 7)
    >>> found = next(strategy("als").search(problem, np.random.default_rng(0), Stop(trials=1)))
    >>> [str(replay) for replay in replays([found])]
    ['the same encoder, bit by bit']
    """
    if weights is not None and not any(step.recipe and step.recipe.weights for step in steps):
        raise InvalidInput("it was found without moments; leave --weights out")
    made: dict[str, TileEncoder] = {}
    for step in steps:
        recorded = step.encoder
        if step.recipe is None:
            made[recorded.digest] = recorded
            continue
        if missing := [parent for parent in step.parents if parent not in made]:
            raise InvalidInput(f"{recorded.digest[:10]} cannot be replayed: its parent {missing[0][:10]} is missing")
        under = None if step.recipe.weights is None else weights
        again = step.recipe.made([made[parent] for parent in step.parents], under)
        made[recorded.digest] = again
        yield Replay(recorded, again, Precision.parse(step.recipe.precision), under)
