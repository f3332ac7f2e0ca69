"""Which strategy gets the next slice of time: more for those that improve, some for every one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Arm:
    """What a strategy has done in a search: slices, trials, its best cost and its recent gain."""

    name: str
    slices: int = 0
    trials: int = 0
    best: float | None = None
    gain: float = 0.0


class Portfolio:
    """Draws strategies in proportion to their recent gain in cost per slice, after one slice each.

    Gains decay by a fifth a slice, and each strategy keeps a tenth of the draws between them.

    >>> Portfolio(["lm", "orbit"]).draw(np.random.default_rng(0))
    'lm'
    """

    _DECAY = 0.8
    _EXPLORE = 0.3

    def __init__(self, names: list[str]) -> None:
        self.arms = {name: Arm(name) for name in names}

    def draw(self, rng: np.random.Generator) -> str:
        """The name of the strategy for the next slice."""
        arms = list(self.arms.values())
        for arm in arms:
            if arm.slices == 0:
                arm.slices += 1
                return arm.name
        gains = np.array([arm.gain for arm in arms])
        share = gains / gains.sum() if gains.sum() > 0 else np.full(len(arms), 1 / len(arms))
        weight = (1 - self._EXPLORE) * share + self._EXPLORE / len(arms)
        arm = arms[int(rng.choice(len(arms), p=weight))]
        arm.slices += 1
        return arm.name

    def record(self, name: str, trials: int, cost: float | None, before: float | None) -> None:
        """A slice of `name` ended with this best cost (None: nothing found), `before` being the search's best."""
        arm = self.arms[name]
        arm.trials += trials
        arm.gain *= self._DECAY
        if cost is None:
            return
        arm.best = cost if arm.best is None else min(arm.best, cost)
        if before is not None:
            # Coming close counts a little: it tells strategies apart where nothing improves any more.
            arm.gain += max(before - cost, 0.0) + 0.01 * max(0.0, 1 - (cost - before) / max(abs(before), 1e-9)) * 0.01
