"""What every way of searching provides: trials drawn one after another, and candidates out of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from search.problem import Problem
from search.stop import Stop
from search.trial import Candidate, Trial


class Explorer(ABC):
    """What a strategy keeps from trial to trial of one search.

    A search asks it for trials, runs them, and tells it what each one made.
    """

    @abstractmethod
    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        """Yield the next trials, often a single one, that together count as one.

        The next is drawn once the one before has been run and what it made has been told. If nothing is left to try,
        yield nothing: the search then ends.

        Parameters
        ----------
        rng : numpy.random.Generator
            All chance comes from this.

        Yields
        ------
        Trial
            A trial without its seed, which the search sets.
        """

    @abstractmethod
    def tell(self, trial: Trial, candidate: Candidate) -> None:
        """Learn what a trial made; called once for each candidate, in order.

        Parameters
        ----------
        trial : Trial
            The trial, with its seed.
        candidate : Candidate
            What it made, whether or not it is better than what is known.
        """


class Strategy(ABC):
    """One way of searching: how it draws trials, and what it does in one.

    Subclasses set `name`, and are made without arguments. The same problem and generator must give the same candidates
    in the same order: a trial depends on its own fields, its generator and the step after which it is stopped, and on
    nothing else. Whatever it needs of the past, it has from its parents and options. So every candidate has a recipe
    by which it can be made again.

    Register a strategy with `search.strategies.register`, or as an entry point of the group
    "strassen_tile.strategies", to search with it by name. Its tests are those of
    `search.contract.StrategyContract`.

    Attributes
    ----------
    name : str
        What the strategy is called in commands and recipes.
    libraries : tuple[str, ...]
        The modules that its trials compute with besides numpy, scipy and numba, if their number of threads changes the
        result.

    Examples
    --------
    A strategy of one's own. It settles random starts, and the best so far with noise added, by alternating least
    squares.

    >>> from search.local.hopping import random_factors
    >>> from search.numerics.als import alternating_least_squares
    >>> class Restarts(Strategy):
    ...     name = "restarts"
    ...
    ...     def applies(self, problem):
    ...         return True
    ...
    ...     def explorer(self, problem):
    ...         return RestartsExplorer(problem)
    ...
    ...     def trial(self, trial, rng, stop):
    ...         problem = trial.problem
    ...         if trial.kind == "noise":
    ...             noise = trial.options["noise"]
    ...             factors = problem.factors(trial.parents[0])
    ...             factors = tuple(f + noise * rng.standard_normal(f.shape) for f in factors)
    ...         else:
    ...             factors = random_factors(problem, rng)
    ...         for _ in range(20):
    ...             if stop():
    ...                 break
    ...             factors = alternating_least_squares(problem.objective(), factors, 50)
    ...             stop.worked()
    ...         yield Candidate(problem.encoder(factors), {"start": trial.kind})
    >>> class RestartsExplorer(Explorer):
    ...     def __init__(self, problem):
    ...         self.problem, self.best = problem, None
    ...
    ...     def ask(self, rng):
    ...         if self.best is None or rng.random() < 0.5:
    ...             yield Trial("restarts", self.problem, "random")
    ...         else:
    ...             yield Trial("restarts", self.problem, "noise", (self.best,), {"noise": 0.1})
    ...
    ...     def tell(self, trial, candidate):
    ...         if self.problem.improves(candidate.encoder, self.best):
    ...             self.best = candidate.encoder

    A search with it, of two trials:

    >>> from search.running.exploration import explore
    >>> from stl_algebra import Format
    >>> problem = Problem(Format(2, 2, 2), 6)
    >>> found = list(explore(Restarts(), problem, np.random.default_rng(0), Stop(trials=2)))
    >>> problem.error(found[-1].encoder) < 0.3
    True
    """

    name: str
    libraries: tuple[str, ...] = ()

    @abstractmethod
    def applies(self, problem: Problem) -> bool:
        """Return whether the strategy can do anything for a problem.

        Parameters
        ----------
        problem : Problem
            What is searched for.

        Returns
        -------
        bool
            False keeps the strategy out of a search for this problem.
        """

    @abstractmethod
    def explorer(self, problem: Problem) -> Explorer:
        """Return what a search of a problem starts with.

        Parameters
        ----------
        problem : Problem
            What is searched for, with the known encoders to start from.

        Returns
        -------
        Explorer
            What draws the trials.
        """

    @abstractmethod
    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        """Run a trial and yield what it makes.

        Once `stop()` is True, the rest of the trial is passed over. Loops that ask `stop()` call `stop.worked()` once a
        round.

        Parameters
        ----------
        trial : Trial
            What to do, and the parents to start from.
        rng : numpy.random.Generator
            The trial's own generator.
        stop : Stop
            When to stop.

        Yields
        ------
        Candidate
            Encoders of the trial's format and rank; of other ranks only with ``step=True``.
        """
