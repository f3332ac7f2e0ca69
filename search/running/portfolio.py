"""Which rank and strategy get the next slice of time: more for those that improve, some for every one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from search.problem import EXACTNESS
from search.strategies.names import EXPLORING, REFINING


@dataclass
class Arm:
    """A strategy at a rank: its slices, trials, best cost and recent gain, as a part of the cost before."""

    rank: int
    strategy: str
    slices: int = 0
    trials: int = 0
    best: float | None = None
    gain: float = 0.0


class Portfolio:
    """Draws arms in proportion to their recent gain in cost per slice, after one slice each.

    Gains are parts of the cost before, so that ranks of little error count as much as those of much, and decay by a
    fifth a slice. As they fade, so does the share of the draws that goes by them. The rest is spread over all arms,
    more over those that come close to the best of their rank, and over strategies that the rank promises more of:
    `refined` are the ranks that good encoders are known of from the start.

    >>> Portfolio([(40, "orbit"), (40, "lm")]).draw(np.random.default_rng(0)).strategy
    'orbit'
    """

    _DECAY = 0.8
    _EXPLORE = 0.4
    #: Gains that add up to this get half of what gains can get: two ten-thousandths a slice, hardly improvements.
    _SMALL = 1e-3

    def __init__(self, arms: Sequence[tuple[int, str]], refined: Collection[int] = ()) -> None:
        self.arms = [Arm(rank, strategy) for rank, strategy in arms]
        favours = [REFINING if rank in refined else EXPLORING for rank, _ in arms]
        self._favour = np.array([favour.get(name, 1.0) for favour, (_, name) in zip(favours, arms, strict=True)])

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
            if before is not None:
                arm.gain += max(before - reached, 0.0) / max(before, EXACTNESS)

    def _weights(self) -> np.ndarray:
        gains = np.array([arm.gain for arm in self.arms])
        best = {
            rank: min(a.best for a in self.arms if a.rank == rank and a.best is not None)
            for rank in {a.rank for a in self.arms if a.best is not None}
        }
        behind = np.array([np.inf if arm.best is None else arm.best - best[arm.rank] for arm in self.arms])
        closeness = 0.1 + np.exp(-behind / 0.01)
        explore = closeness * self._favour
        # Not divided by the sum of the gains, or one that gained alone would keep its share however long ago it was.
        by_gain = (1 - self._EXPLORE) * gains / (gains.sum() + self._SMALL)
        return by_gain + (1 - by_gain.sum()) * explore / explore.sum()
