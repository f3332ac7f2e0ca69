"""When a search, or one trial of it, is to end."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stop:
    """When to stop: at a deadline, after a number of trials, or once `cancel` is called.

    Call the object to ask: it returns True once it is time to stop.

    Parameters
    ----------
    seconds : float, optional
        Seconds from now to the deadline. By default there is none.
    trials : int, optional
        The number of trials to make. By default there is no limit.
    clock : Callable[[], float]
        What the time is read from, in seconds that never go back.

    Examples
    --------
    >>> Stop(trials=0)()
    True
    """

    def __init__(
        self,
        *,
        seconds: float | None = None,
        trials: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._deadline = None if seconds is None else clock() + seconds
        self._trials_left = trials
        self._cancelled = False

    def __call__(self) -> bool:
        if self._cancelled or (self._trials_left is not None and self._trials_left <= 0):
            return True
        return self._deadline is not None and self._clock() >= self._deadline

    def cancel(self) -> None:
        """Stop from now on."""
        self._cancelled = True

    def worked(self) -> None:
        """Note that a trial has done a step of its work: an iteration, some sweeps, a slice of flips.

        Every loop that asks whether to stop calls this once a round. If a trial is stopped, the recipe of what it made
        records the step after which it was stopped. So the result does not depend on how often the trial asks.
        """

    def count_trial(self) -> None:
        """Note that a strategy has made one trial: one start, drop or hop."""
        if self._trials_left is not None:
            self._trials_left -= 1


#: For a loop that nothing stops.
NEVER = Stop()
