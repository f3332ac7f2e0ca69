"""Every strategy passes the contract, and so does one of someone else's; one that breaks it does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from search.contract import StrategyContract
from search.problem import Problem
from search.stop import Stop
from search.strategies import strategy
from search.strategies.names import NAMES, ON_REQUEST
from search.trial import Candidate, Trial
from stl_algebra import Format, Precision, strassen
from tests.search.conftest import skewed_moments
from tests.search.strategies.restarts import Restarts

PROBLEMS = [
    Problem(Format(2, 2, 2), 6),
    Problem(Format(3, 3, 3), 15, Precision.parse("fp8")),
    Problem(Format(1, 2, 3), 4),
    Problem(Format(2, 2, 2), 5, known=(strassen(),)),
    Problem(Format(2, 2, 2), 7),
    Problem(Format(2, 2, 2), 6, known=(strassen(),), weights=skewed_moments(Format(2, 2, 2))),
]
#: Strategies on request are slow on a CPU: two problems are enough there.
OF_RANK_6 = [problem for problem in PROBLEMS if problem.rank == 6]
#: What single trials are tested on: a search that takes them through all they do.
TRIALS = {name: Problem(Format(3, 3, 3), 15) for name in (*NAMES, *ON_REQUEST)}
TRIALS |= {"flip": Problem(Format(2, 2, 3), 11), "group": Problem(Format(2, 2, 3), 8)}


def _contract(name: str) -> type[StrategyContract]:
    problems = PROBLEMS if name in NAMES else OF_RANK_6
    members = {"strategy": type(strategy(name)), "problems": problems, "trial_problem": TRIALS[name]}
    return type(f"Test_{name}", (StrategyContract,), members)


globals().update({f"Test_{name}": _contract(name) for name in (*NAMES, *ON_REQUEST)})


class TestRestarts(StrategyContract):
    """A strategy of a module that is no part of the project."""

    strategy = Restarts


class _Remembering(Restarts):
    """Breaks the contract: what a trial makes depends on the trials before it."""

    seen: ClassVar[list[int]] = []

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        self.seen.append(trial.seed)
        for candidate in super().trial(trial, rng, stop):
            scaled = replace(candidate.encoder, encode_x=candidate.encoder.encode_x * (1 + 1e-3 * len(self.seen)))
            yield replace(candidate, encoder=scaled)


class _Deaf(Restarts):
    """Breaks the contract: asks whether to stop without a step of work in between."""

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        for _ in range(100):
            if stop():
                break
        yield from super().trial(trial, rng, stop)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_Remembering, "test_a_trial_makes_the_same_after_others"),
        (_Deaf, "test_every_loop_that_asks_counts_its_work"),
    ],
)
def test_a_strategy_that_breaks_the_contract_fails(
    broken: type[Restarts], test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.running.exploration.strategy", lambda _: broken())
    suite = type("Broken", (StrategyContract,), {"strategy": broken, "problems": OF_RANK_6})()
    with pytest.raises(AssertionError):
        getattr(suite, test)()
