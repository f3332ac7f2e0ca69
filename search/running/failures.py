"""What goes wrong in slices and workers: gone on from and told of once, or the end where nothing else happens."""

from __future__ import annotations

import warnings
from collections.abc import Collection

from search.running.task import Task
from stl_algebra import InvalidInput

#: Slices that may fail before one ends well, and processes that may die in a row besides all that ran at a time.
FAILURES, DEATHS = 3, 2


class Failures:
    """Counts them, beside the slices that end well.

    A slice that fails costs its own time: the search goes on, with one warning for every strategy and kind of error.
    Where every strategy fails from the start, or no slice ends well until the end, the first error is raised; where
    worker processes die one after another, InvalidInput.

    >>> faults = Failures(["lm"], jobs=1)
    >>> faults.ended_well()
    >>> faults.close()
    """

    def __init__(self, strategies: Collection[str], jobs: int) -> None:
        self._strategies, self._jobs = set(strategies), jobs
        self._well = False
        self._deaths = 0
        self._first: Exception | None = None
        self._failures = 0
        #: What is told of each strategy and kind of error, None once it was.
        self._sentences: dict[tuple[str, str], str | None] = {}

    def ended_well(self) -> None:
        """A slice ended as it should, and a worker with it."""
        self._well, self._deaths = True, 0
        self._warn()

    def failed(self, task: Task, error: Exception) -> None:
        """A slice raised an error, which is raised again where there is nothing else to go on with."""
        self._deaths = 0
        self._first = self._first or error
        self._failures += 1
        kind = type(error).__name__
        seed, number = task.seed
        self._sentences.setdefault(
            (task.strategy, kind),
            f"a slice of {task.strategy} at rank {task.problem.rank} failed ({kind}: {error}; seed {seed}, task "
            f"{number}); the search goes on without it",
        )
        failing = {strategy for strategy, _ in self._sentences}
        if self._well:
            self._warn()
        elif self._failures >= FAILURES and failing >= self._strategies:
            raise self._first

    def died(self) -> None:
        """A worker process died, and its task with it. Raises InvalidInput where all do."""
        self._deaths += 1
        if self._deaths >= self._jobs + DEATHS:
            self._no_workers()

    def close(self) -> None:
        """The search is over: raise the first error where no slice ended well."""
        if self._well:
            return
        if self._first is not None:
            raise self._first
        if self._deaths:
            self._no_workers()

    def _warn(self) -> None:
        for key, sentence in self._sentences.items():
            if sentence is not None:
                self._sentences[key] = None
                warnings.warn(sentence, RuntimeWarning, stacklevel=2)

    def _no_workers(self) -> None:
        raise InvalidInput(
            "worker processes die as they start; give fewer --jobs if memory is short, and in a script of your own "
            'search below: if __name__ == "__main__"'
        )
