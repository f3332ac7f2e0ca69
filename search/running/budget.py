"""What a search may spend: seconds of a clock, trials, or both; and what of it each slice gets."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf
from typing import Protocol

from stl_algebra import InvalidInput

#: Every strategy gets several slices at every rank, within these seconds; the first ones are short.
SHORTEST_SLICE, LONGEST_SLICE, FIRST_SLICE = 1.0, 30.0, 3.0
SLICES_PER_ARM = 4
#: The most trials of a slice, where trials are counted: workers learn between slices what the others found.
MOST_TRIALS = 100
#: Kept back from the seconds for a worker to finish the step it is in and for its result to travel.
RESERVE = 0.3
#: How long a worker that does not end in time is waited for; its task is then lost.
GRACE = 1.5


class Clock(Protocol):
    """What a search reads the time from; the module `time` is one."""

    def monotonic(self) -> float:
        """Seconds since some moment, never set back."""

    def time(self) -> float:
        """Seconds since the epoch, which other machines know too."""


@dataclass(frozen=True)
class Slice:
    """What one task may spend: seconds, but none after `expires` (since the epoch), and trials (None: any number)."""

    seconds: float
    expires: float
    trials: int | None


class Budget:
    """Seconds, trials or both; whichever ends first ends the search.

    Seconds run from `start` on. Trials are handed out with each slice; `give_back` returns those that were not made.

    Parameters
    ----------
    seconds
        None: no limit. Slices are then as long as their trials take.
    trials
        None: no limit.
    clock
        The module `time`, or what a test puts in its place.

    Raises
    ------
    InvalidInput
        If there is no limit at all, or a limit that leaves nothing to do.

    Examples
    --------
    >>> budget = Budget(trials=6)
    >>> budget.start()
    >>> budget.slice(arms=1, first=True).trials, str(budget), budget.trials_left
    (1, '6 trials', 5)
    """

    def __init__(self, seconds: float | None = None, trials: int | None = None, clock: Clock = time) -> None:
        if seconds is None and trials is None:
            raise InvalidInput("a search needs an end; give a budget such as 60s, or a number of trials")
        if seconds is not None and not seconds > 0:
            raise InvalidInput(f"a budget of {seconds:g} seconds leaves no time to search; give more, such as 60s")
        if trials is not None and trials < 1:
            raise InvalidInput(f"{trials} trials find nothing; give at least 1")
        self.seconds = inf if seconds is None else seconds
        self.trials = trials
        self._clock = clock
        self._handed_out = 0

    def __str__(self) -> str:
        limits = [] if self.seconds == inf else [f"{self.seconds:g} s"]
        if self.trials is not None:
            limits.append("1 trial" if self.trials == 1 else f"{self.trials} trials")
        return " or ".join(limits)

    def start(self) -> None:
        """The seconds run from now on."""
        self._started = self._clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return round(self._clock.monotonic() - self._started, 3)

    @property
    def remaining(self) -> float:
        """Seconds that tasks may still run; below zero where results are late."""
        return self._started + self.seconds - RESERVE - self._clock.monotonic()

    @property
    def trials_left(self) -> float:
        """Trials that no task was given yet."""
        return inf if self.trials is None else self.trials - self._handed_out

    @property
    def allows_a_slice(self) -> bool:
        """Whether a task is worth starting."""
        return self.trials_left > 0 and self.remaining > SHORTEST_SLICE / 4

    def lasts(self, tasks_running: int) -> bool:
        """Whether to go on waiting for results."""
        remaining = self.remaining
        return remaining > 0 or (tasks_running > 0 and remaining > -GRACE)

    def slice(self, arms: int, *, first: bool) -> Slice:
        """The next task's part, where slices are shared among so many arms; `first` where nothing is known of any."""
        shares = SLICES_PER_ARM * arms
        remaining = self.remaining
        length = FIRST_SLICE if first else self.seconds / shares
        seconds = inf if self.seconds == inf else min(max(length, SHORTEST_SLICE), LONGEST_SLICE, max(remaining, 0.1))
        trials = None
        if self.trials is not None:
            trials = max(1, min(self.trials // shares, MOST_TRIALS, self.trials - self._handed_out))
            self._handed_out += trials
        return Slice(seconds, self._clock.time() + remaining, trials)

    def give_back(self, trials: int | None, made: int = 0) -> None:
        """Of the trials that a task was given so many were made; the rest go to others."""
        if trials is not None:
            self._handed_out -= max(trials - made, 0)
