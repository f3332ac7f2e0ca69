"""The contract of every trial: what it makes depends on its fields alone, and on the step after which it is stopped."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from search.problem import Problem
from search.running.environment import environment
from search.running.exploration import PATIENT, candidates_of, run_trial
from search.running.one_thread import one_thread
from search.running.replay import Promise, Replay, make_again
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Recipe, Trial
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, strassen
from tests.search.conftest import skewed_moments

ROOT = Path(__file__).parent.parent.parent.parent


def _digests(candidates: Iterator[Candidate] | tuple[Candidate, ...]) -> list[str]:
    return [candidate.encoder.digest for candidate in candidates]


def test_a_trial_computes_on_one_thread_whatever_its_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where two run at a time in one process, and one of them ends before the other."""
    seen: list[int] = []
    first_is_in, second_is_done = threading.Event(), threading.Event()

    class Watching(Strategy):
        name = "als"

        def applies(self, problem: Problem) -> bool:  # noqa: ARG002
            return True

        def explorer(self, problem: Problem) -> Explorer:
            raise NotImplementedError

        def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:  # noqa: ARG002
            if trial.kind == "long":
                first_is_in.set()
                assert second_is_done.wait(60)
            seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
            yield Candidate(strassen())

    monkeypatch.setattr("search.running.exploration.strategy", lambda _: Watching())
    problem = Problem(Format(2, 2, 2), 7)
    long = threading.Thread(target=lambda: list(run_trial(Trial("als", problem, "long"), Stop())))
    long.start()
    assert first_is_in.wait(60)
    list(run_trial(Trial("als", problem, "short"), Stop()))
    second_is_done.set()
    long.join()
    assert seen
    assert set(seen) == {1}


def test_libraries_loaded_later_are_held_to_one_thread_too() -> None:
    """scipy brings a BLAS of its own: it was loaded by the first trial, after the limit was set."""
    code = """
from search.running.one_thread import one_thread
with one_thread():
    from threadpoolctl import threadpool_info
    import scipy.linalg
    print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout == "{1}\n"


def test_moments_give_the_same_whatever_was_computed_from_them() -> None:
    problem = Problem(Format(2, 2, 2), 5, weights=skewed_moments(Format(2, 2, 2)))
    trial = Trial("lm", problem, "random", seed=3)
    fresh = _digests(run_trial(trial, Stop()))
    assert problem.weights is not None
    object.__setattr__(problem.weights, "root_x", problem.weights.root_x * (1 + 1e-15))  # as of more threads
    assert _digests(run_trial(trial, Stop())) == fresh


def test_a_trial_that_counts_no_work_ends_nevertheless() -> None:
    class Endless(Strategy):
        name = "als"

        def applies(self, problem: Problem) -> bool:  # noqa: ARG002
            return True

        def explorer(self, problem: Problem) -> Explorer:
            raise NotImplementedError

        def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:  # noqa: ARG002
            asked = 0
            while not stop():
                asked += 1
            yield Candidate(TileEncoder(Format(1, 1, 1), [[float(asked)]], [[1.0]], [[1.0]]))

    class Late(Stop):
        asked = 0

        def __call__(self) -> bool:
            self.asked += 1
            return self.asked > 5

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("search.running.exploration.strategy", lambda _: Endless())
        made = next(run_trial(Trial("als", Problem(Format(1, 1, 1), 1), "random"), Late()))
        assert made.encoder.encode_x[0, 0] > PATIENT
        assert made.recipe is not None
        assert make_again(made.recipe, ()) == made.encoder


def test_a_recipe_of_an_old_version_is_ended_at_the_same_question() -> None:
    """Which it counts in `ended`, every question that the strategy asks."""

    class Numbered(Stop):
        asked = 0

        def __call__(self) -> bool:
            self.asked += 1
            return self.asked >= 9

    trial = Trial("lm", Problem(Format(3, 3, 3), 15), "random", seed=5)
    cut = next(candidates_of(trial, Numbered()))
    whole = next(run_trial(trial, Stop()))
    assert whole.recipe is not None
    old = {name: value for name, value in whole.recipe.as_json().items() if name not in ("environment", "ended_after")}
    assert make_again(Recipe.from_json(old | {"ended": 9}), ()) == cut.encoder != whole.encoder
    assert make_again(Recipe.from_json(old | {"ended": None}), ()) == whole.encoder
    assert Recipe.from_json(old | {"ended": 9}).as_json() == old | {"ended": 9}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ended_after": [1]}, "ended_after is \\[1\\], which is no pair of counts"),
        ({"ended_after": [1, -1]}, "no pair of counts"),
        ({"ended_after": "1 2"}, "ended_after is '1 2'"),
        ({"environment": {"blas": 1}}, "its values must be text"),
        ({"environment": "here"}, "environment is 'here'"),
    ],
)
def test_a_damaged_recipe_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    found = next(run_trial(Trial("als", Problem(Format(2, 2, 2), 6), "random", seed=1), Stop()))
    assert found.recipe is not None
    with pytest.raises(InvalidInput, match=sentence):
        Recipe.from_json(found.recipe.as_json() | changes)


def test_what_is_promised_depends_on_where_it_was_made() -> None:
    found = next(run_trial(Trial("als", Problem(Format(2, 2, 2), 6), "random", seed=1), Stop()))
    recipe = found.recipe
    assert recipe is not None
    assert dict(recipe.environment or {}) == dict(environment())
    assert "openblas" in environment()["blas"] or environment()["blas"]
    here = Promise.of([recipe])
    assert here.identity
    assert str(here).startswith("the same encoder, bit by bit")
    elsewhere = replace(recipe, environment={**environment(), "blas": "another"})
    promise = Promise.of([recipe, elsewhere])
    assert not promise.identity
    assert "BLAS another, here " in str(promise)
    assert "5 digits" in str(promise)
    assert not Promise.of([replace(recipe, environment=None)]).identity
    near = TileEncoder(
        found.encoder.format, found.encoder.encode_x * (1 + 1e-9), found.encoder.encode_w, found.encoder.decode
    )
    far = TileEncoder(found.encoder.format, found.encoder.encode_x * 1.01, found.encoder.encode_w, found.encoder.decode)
    at = Precision.parse("bf16")
    kept = [
        Replay(found.encoder, made, at, None, what).kept
        for made in (found.encoder, near, far)
        for what in (here, promise)
    ]
    assert kept == [True, True, False, True, False, False]


def test_one_thread_gives_the_threads_back() -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info()]

    with one_thread():
        before = threads()
        with one_thread():
            assert threads() == before
        assert threads() == before
