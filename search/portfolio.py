"""Which rank and strategy get the next slice of time: more for those that improve, some for every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.strategy_names import EXPLORING


@dataclass
class Arm:
    """A strategy at a rank: its slices, trials, best cost and recent gain."""

    rank: int
    strategy: str
    slices: int = 0
    trials: int = 0
    best: float | None = None
    gain: float = 0.0


class Portfolio:
    """Draws arms in proportion to their recent gain in cost per slice, after one slice each.

    Gains decay by a fifth a slice; a part of the draws is spread over all arms, more over those that come
    close to the best of their rank, and over strategies whose finds are rare and large.

    >>> Portfolio([(40, "orbit"), (40, "lm")]).draw(np.random.default_rng(0)).strategy
    'orbit'
    """

    _DECAY = 0.8
    _EXPLORE = 0.4

    def __init__(self, arms: Sequence[tuple[int, str]]) -> None:
        self.arms = [Arm(rank, strategy) for rank, strategy in arms]

    def draw(self, rng: np.random.Generator) -> Arm:
        """The arm of the next slice."""
        arm = next((arm for arm in self.arms if arm.slices == 0), None)
        if arm is None:
            arm = self.arms[int(rng.choice(len(self.arms), p=self._weights()))]
        arm.slices += 1
        return arm

    def record(self, rank: int, strategy: str, trials: int, reached: float | None, before: float | None) -> None:
        """A slice ended with this best cost (None: nothing found), `before` being the best of the rank."""
        arm = next(arm for arm in self.arms if (arm.rank, arm.strategy) == (rank, strategy))
        arm.trials += trials
        arm.gain *= self._DECAY
        if reached is not None:
            arm.best = reached if arm.best is None else min(arm.best, reached)
            arm.gain += max(before - reached, 0.0) if before is not None else 0.0

    def _weights(self) -> np.ndarray:
        gains = np.array([arm.gain for arm in self.arms])
        best = {
            rank: min(a.best for a in self.arms if a.rank == rank and a.best is not None)
            for rank in {a.rank for a in self.arms if a.best is not None}
        }
        behind = np.array([np.inf if arm.best is None else arm.best - best[arm.rank] for arm in self.arms])
        closeness = 0.1 + np.exp(-behind / 0.01)
        explore = closeness * [EXPLORING.get(arm.strategy, 1.0) for arm in self.arms]
        explore /= explore.sum()
        if gains.sum() <= 0:
            return explore
        return (1 - self._EXPLORE) * gains / gains.sum() + self._EXPLORE * explore
