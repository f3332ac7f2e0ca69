"""The tests that every strategy passes, for pytest: subclass `StrategyContract` in a test module."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from search.exact.exact_seeds import exact_seed
from search.problem import Problem
from search.running.exploration import PATIENT, candidates_of, explore, run_trial
from search.running.replay import make_again
from search.running.workers import Workers
from search.stop import Stop
from search.strategies import register, strategy
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Recipe, Trial
from stl_algebra import Format, TileEncoder, strassen

Run = tuple[Trial, tuple[Candidate, ...]]

#: The first trials of a search that are looked at one by one.
TRIALS = 6
#: A strategy that was told to stop asks at most this often before its search ends.
ASKED_IN_VAIN = 60


class StrategyContract:
    """The contract of a strategy as pytest tests.

    Subclass it in a test module, with a name that begins with ``Test``, and set `strategy`. The class must be
    importable by other processes: define it in a module of its own, not in a function.

    Attributes
    ----------
    strategy : type[Strategy]
        The class under test.
    problems : Sequence[Problem]
        What it is tested on. Those that it does not apply to are passed over.
    trial_problem : Problem, optional
        What single trials are tested on. By default it is the first of `problems` that the strategy applies to.

    Examples
    --------
    >>> from search.strategies.als import AlternatingSearch
    >>> class TestAlternatingSearch(StrategyContract):
    ...     strategy = AlternatingSearch
    ...     problems = [Problem(Format(2, 2, 2), 6)]
    >>> TestAlternatingSearch().test_same_seed_same_candidates(Problem(Format(2, 2, 2), 6))
    """

    strategy: type[Strategy]
    problems: ClassVar[Sequence[Problem]] = (
        Problem(Format(3, 3, 3), 15),
        Problem(Format(2, 2, 2), 6),
        Problem(Format(1, 2, 3), 4),
        Problem(Format(2, 2, 2), 5, known=(strassen(),)),
        Problem(Format(2, 2, 2), 7),
    )
    trial_problem: ClassVar[Problem | None] = None

    @classmethod
    def setup_class(cls) -> None:
        """Register the strategy, so that trials and recipes find it by its name."""
        register(cls.strategy)

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run a test that takes a problem on each one that the strategy applies to.

        Parameters
        ----------
        metafunc : pytest.Metafunc
            The test, as pytest gives it.
        """
        if "problem" in metafunc.fixturenames:
            problems = self._applicable()
            metafunc.parametrize("problem", problems, ids=[_words(problem) for problem in problems])

    def test_it_is_found_by_its_name(self) -> None:
        """A strategy of the class is what its name stands for."""
        assert type(strategy(self.strategy.name)) is self.strategy

    def test_it_applies_to_a_problem(self) -> None:
        """There is a problem to test it on."""
        assert self._applicable()

    def test_candidates_fit_and_improve(self, problem: Problem) -> None:
        """Candidates are of the format and rank asked for, each of lower cost than the last.

        Parameters
        ----------
        problem : Problem
            What is searched for.
        """
        candidates = self._search(problem, 0, 3)
        assert candidates
        for candidate in candidates:
            assert isinstance(candidate.encoder, TileEncoder)
            assert (candidate.encoder.format, candidate.encoder.rank) == (problem.format, problem.rank)
            json.dumps(candidate.details, allow_nan=False)
        costs = [problem.cost(candidate.encoder) for candidate in candidates]
        assert all(b < a for a, b in pairwise(costs))

    def test_same_seed_same_candidates(self, problem: Problem) -> None:
        """The same problem and generator give the same candidates in the same order.

        Parameters
        ----------
        problem : Problem
            What is searched for.
        """
        first, second = (self._search(problem, 7, 2) for _ in range(2))
        assert _digests(first) == _digests(second)
        assert [c.details for c in first] == [c.details for c in second]

    def test_parents_are_encoders_it_was_given_or_made(self, problem: Problem) -> None:
        """Every candidate names its parents, and its ancestors include all that the search made.

        Parameters
        ----------
        problem : Problem
            What is searched for.
        """
        for candidate in self._search(problem, 2, 3):
            there = {encoder.digest for encoder in (*problem.known, *problem.parts)}
            for one in (*candidate.ancestors, candidate):
                assert there.issuperset(one.parents)
                there.add(one.encoder.digest)

    def test_a_recipe_makes_the_same_encoder_again(self, problem: Problem) -> None:
        """The stored recipe and the parents are enough, for every candidate and all its ancestors.

        Parameters
        ----------
        problem : Problem
            What is searched for.
        """
        candidates = self._search(problem, 3, 4)
        assert candidates
        for candidate in candidates:
            assert candidate.recipe is not None
            for one in (*candidate.ancestors, candidate):
                if one.recipe is None:
                    assert one.encoder == exact_seed(one.encoder.format)
                else:
                    assert _made_again(one, problem, candidate.ancestors) == one.encoder

    def test_a_trial_makes_the_same_after_others(self) -> None:
        """A trial does not depend on the trials before it, nor on where its parents lie in memory."""
        filled = []
        for number, (trial, made) in enumerate(self._trials()[::-1]):
            filled.append(np.empty(1000 * number + 8 * (number % 5) + 1))
            for offset in (8, 48):
                parents = tuple(_shifted(parent, offset) for parent in trial.parents)
                assert _digests(run_trial(replace(trial, parents=parents), Stop())) == _digests(made)

    def test_a_trial_makes_the_same_in_another_process(self) -> None:
        """Workers of a search, and whoever replays a recipe, come to the same."""
        steps = [
            (candidate.recipe.as_json(), trial.parents, candidate.encoder.digest)
            for trial, made in self._trials()[::-1]
            for candidate in made
            if candidate.recipe is not None
        ]
        home = f"{self.strategy.__module__}:{self.strategy.__qualname__}"
        with Workers(1) as workers:
            made = workers.submit(_replayed, home, [step[:2] for step in steps]).result()
        assert made == [digest for *_, digest in steps]

    def test_a_stopped_trial_is_made_again_to_the_same_place(self) -> None:
        """Also by a later version that asks more often whether to stop."""
        cut = [
            (trial, candidate)
            for steps in (0, 1, 2, 5, 13, 34, 89, 233)
            for trial, _ in self._trials()[:3]
            for candidate in run_trial(trial, _AfterSteps(steps))
        ]
        assert cut
        for trial, candidate in cut:
            assert candidate.recipe is not None
            by = _AskingMore(strategy(trial.strategy))
            assert make_again(candidate.recipe, trial.parents, trial.problem.weights, by) == candidate.encoder

    def test_every_loop_that_asks_counts_its_work(self) -> None:
        """A trial calls `stop.worked()` between its questions, or recipes could not say where it was stopped."""
        for trial, _ in self._trials():
            stop = _Watching()
            list(candidates_of(trial, stop))
            assert stop.most < PATIENT / 2

    def test_it_ends_soon_after_it_is_told_to(self) -> None:
        """Every inner loop asks: once stopped, the rest of a trial is passed over."""
        for asked in (0, 1, 7, 40):
            stop = _AfterQuestions(asked)
            for _ in explore(self.strategy(), self._trial_problem(), np.random.default_rng(0), stop):
                pass
            assert stop.asked_in_vain < ASKED_IN_VAIN
            assert stop.asked_in_vain or stop.left  # it was told to stop, or ran out of things to try before

    def _applicable(self) -> list[Problem]:
        return [problem for problem in self.problems if self.strategy().applies(problem)]

    def _trial_problem(self) -> Problem:
        return self.trial_problem or self._applicable()[0]

    def _search(self, problem: Problem, seed: int, trials: int) -> list[Candidate]:
        return list(explore(self.strategy(), problem, np.random.default_rng(seed), Stop(trials=trials)))

    def _trials(self) -> tuple[Run, ...]:
        """The first trials of a search, each from what the ones before made, and what each made."""
        if "_made" not in vars(type(self)):
            type(self)._made = tuple(_first_trials(self.strategy().explorer(self._trial_problem())))
        return type(self)._made

    _made: ClassVar[tuple[Run, ...]]


def _first_trials(explorer: Explorer) -> Iterator[Run]:
    rng, number = np.random.default_rng(4), 0
    while number < TRIALS:
        before = number
        for drawn in explorer.ask(rng):
            trial = replace(drawn, seed=int(rng.integers(2**53)))
            made = tuple(run_trial(trial, Stop()))
            for candidate in made:
                explorer.tell(trial, candidate)
            number += 1
            yield trial, made
        if number == before:
            return


def _words(problem: Problem) -> str:
    return f"{problem.format}-{problem.rank}{'-weighted' * (problem.weights is not None)}"


def _digests(candidates: Iterable[Candidate]) -> list[str]:
    return [candidate.encoder.digest for candidate in candidates]


def _made_again(candidate: Candidate, problem: Problem, among: Iterable[Candidate]) -> TileEncoder:
    """From the recipe as it is stored, and the parents alone."""
    assert candidate.recipe is not None
    recipe = Recipe.from_json(json.loads(json.dumps(candidate.recipe.as_json(), allow_nan=False)))
    encoders = [*problem.known, *problem.parts, *(one.encoder for one in among)]
    there = {encoder.digest: encoder for encoder in encoders}
    return make_again(recipe, [there[parent] for parent in candidate.parents], problem.weights)


def _replayed(home: str, steps: list[tuple[dict[str, Any], tuple[TileEncoder, ...]]]) -> list[str]:
    """In a worker: the digests of what recipes make."""
    register(home)
    return [make_again(Recipe.from_json(recipe), parents).digest for recipe, parents in steps]


def _shifted(encoder: TileEncoder, offset: int) -> TileEncoder:
    """The same encoder, its matrices `offset` bytes off a cache line."""
    shifted = TileEncoder(
        encoder.format, encoder.encode_x, encoder.encode_w, encoder.decode, encoder.ring, encoder.denominators
    )
    for name in ("encode_x", "encode_w", "decode"):
        matrix = getattr(encoder, name)
        room = np.empty(matrix.nbytes + 128, dtype=np.uint8)
        start = -room.ctypes.data % 64 + offset
        moved = room[start : start + matrix.nbytes].view(np.float64).reshape(matrix.shape)
        moved[:] = matrix
        moved.setflags(write=False)
        object.__setattr__(shifted, name, moved)
    return shifted


class _AskingMore(Strategy):
    """What a later version of a strategy may ask: every question three times, and one after every step."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.name, self.libraries = strategy.name, strategy.libraries

    def applies(self, problem: Problem) -> bool:
        return self._strategy.applies(problem)

    def explorer(self, problem: Problem) -> Explorer:
        return self._strategy.explorer(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        return self._strategy.trial(trial, rng, _Repeated(stop))


class _Repeated(Stop):
    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self._stop = stop

    def __call__(self) -> bool:
        answers = [self._stop() for _ in range(3)]
        return answers[-1]

    def worked(self) -> None:
        self._stop.worked()
        self._stop()


class _AfterSteps(Stop):
    """Stops once a number of steps are done."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def __call__(self) -> bool:
        return self._left <= 0

    def worked(self) -> None:
        self._left -= 1


class _AfterQuestions(Stop):
    """Stops at the n-th question, and counts the questions after that."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked
        self.asked_in_vain = 0

    def __call__(self) -> bool:
        if self.left:
            self.left -= 1
            return False
        self.asked_in_vain += 1
        return True


class _Watching(Stop):
    """Never stops, and counts the questions within a step."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.most = 0, 0

    def __call__(self) -> bool:
        self.asked += 1
        self.most = max(self.most, self.asked)
        return False

    def worked(self) -> None:
        self.asked = 0
