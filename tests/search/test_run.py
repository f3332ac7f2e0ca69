"""Running a search: streaming, budget, sweeps, what is there at the end."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from search.als import alternating_least_squares
from search.portfolio import Portfolio
from search.run import Progress, Search
from search.strategy import Problem
from search.task import Discovery, Task, TaskResult, run_task
from stl_algebra import Format, InvalidInput, TileEncoder, strassen
from tests.search.conftest import NOTHING, Canned, canned, skewed_moments, until_trials


def _threads(jobs: int) -> Executor:
    return ThreadPoolExecutor(jobs)


def _discoveries(search: Search) -> list[Discovery]:
    return [event for event in search.run() if isinstance(event, Discovery)]


class _Recording(ThreadPoolExecutor):
    """Threads that note the tasks they are given and when, in seconds since they were made."""

    def __init__(self, jobs: int) -> None:
        super().__init__(jobs)
        self.made = time.monotonic()
        self.tasks: list[tuple[float, Task]] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.tasks.append((time.monotonic() - self.made, args[0]))
        return super().submit(fn, *args, **kwargs)


def test_no_task_outlasts_the_budget() -> None:
    search = Search(Problem(Format(2, 2, 2), 6), budget=4, jobs=2, executor=lambda _: executor)
    executor = _Recording(2)  # made last: importing the strategies takes time that is not the budget's
    list(search.run())
    assert len(executor.tasks) > 2
    assert all(begun + task.seconds <= 4 for begun, task in executor.tasks)


def test_it_streams_improvements() -> None:
    problem = Problem(Format(2, 2, 2), 6)
    found = _discoveries(Search(problem, budget=4, jobs=2, executor=_threads))
    costs = [problem.cost(d.encoder) for d in found]
    assert all(b < a for a, b in pairwise(costs))
    assert found[0].strategy == "construction"
    assert found[-1].encoder.error_at("bf16") < 0.1255
    assert {"task", "trial"} <= found[-1].details.keys()


def test_workers_are_processes() -> None:
    problem = Problem(Format(2, 2, 2), 5)
    found = _discoveries(Search(problem, budget=10, jobs=1, strategy_name="lm"))
    assert found[-1].strategy == "lm"
    assert found[-1].encoder.error_at("bf16") < 0.3


def test_known_encoders_are_where_it_starts() -> None:
    u, v, w = strassen().factors
    near = TileEncoder(Format(2, 2, 2), u[:6], v[:6], w[:6].T)
    problem = Problem(Format(2, 2, 2), 6, known=(near,))
    search = Search(problem, budget=1.5, executor=_threads)
    events = search.run()
    seen = [next(events), next(events)]
    events.close()
    assert next(event.strategy for event in seen if isinstance(event, Discovery)) in {"construction", "known"}
    assert search.best[6].encoder.error_at("bf16") <= near.error_at("bf16")


def test_one_strategy_shows_only_what_it_finds() -> None:
    problem = Problem(Format(2, 2, 2), 7, known=(strassen(),))
    found = _discoveries(Search(problem, budget=4, strategy_name="orbit", executor=_threads))
    assert {d.strategy for d in found} == {"orbit"}


def test_a_rank_above_an_exact_construction_needs_no_search() -> None:
    executor = _Recording(1)
    search = Search(Problem(Format(4, 4, 4), 55), budget=60, executor=lambda _: executor)
    found = _discoveries(search)
    assert not executor.tasks
    assert found[-1].encoder.exact
    assert search.best[55].encoder.rank == 49


def test_a_sweep_finds_every_rank_and_reports_it() -> None:
    search = Search(Problem(Format(2, 2, 2), 4), ranks=range(4, 8), budget=6, jobs=2, executor=_threads)
    events = list(search.run())
    assert set(search.best) == {4, 5, 6, 7}
    assert search.best[7].encoder.exact
    errors = [search.best[rank].encoder.error_at("bf16") for rank in range(4, 8)]
    assert errors == sorted(errors, reverse=True)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert {arm.rank for arm in last.arms} == {4, 5, 6, 7}
    assert sum(arm.trials for arm in last.arms) > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"budget": 0}, "leaves no time"),
        ({"budget": 1, "jobs": 0}, "0 jobs"),
        ({"budget": 1, "strategy_name": "magic"}, "unknown strategy"),
    ],
)
def test_bad_options(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        Search(Problem(Format(2, 2, 2), 6), **options)  # type: ignore[arg-type]


def test_a_strategy_that_does_not_apply_is_named() -> None:
    with pytest.raises(InvalidInput, match="compose does not apply to 2x2x2"):
        Search(Problem(Format(2, 2, 2), 6), budget=1, strategy_name="compose")


def test_symmetry_does_not_apply_with_weights() -> None:
    weights = skewed_moments(Format(2, 2, 2))
    with pytest.raises(InvalidInput, match="orbit does not apply to 2x2x2 at rank 6 with weights; use auto"):
        Search(Problem(Format(2, 2, 2), 6, weights=weights), budget=1, strategy_name="orbit")


def test_a_task_is_reproducible_from_what_is_recorded() -> None:
    problem = Problem(Format(2, 2, 2), 6)
    first, second = (run_task(Task("orbit", problem, (5, 3), 1.0)) for _ in range(2))
    common = min(len(first.discoveries), len(second.discoveries))
    assert common > 0
    for a, b in zip(first.discoveries[:common], second.discoveries[:common], strict=True):
        assert a.encoder == b.encoder
        assert a.details == b.details
    assert first.discoveries[0].seed == 5
    assert first.discoveries[0].details["task"] == 3


def test_every_discovery_can_be_replayed_from_what_comes_with_it() -> None:
    """Also those whose ancestors were found by other tasks, and left the pool meanwhile."""
    known = TileEncoder(Format(2, 2, 2), *(np.random.default_rng(0).standard_normal((3, 6, 4)))[:2], np.eye(4, 6))
    problem = Problem(Format(2, 2, 2), 6, known=(known,))
    found = _discoveries(Search(problem, ranks=(5, 6), budget=6, jobs=2, executor=_threads))
    assert any(discovery.recipe and discovery.ancestors for discovery in found)
    for discovery in found:
        there = {known.digest: known}
        for one in (*discovery.ancestors, discovery.candidate):
            if one.recipe is not None:
                parents = [there[parent] for parent in one.parents]
                assert one.recipe.made(parents) == one.encoder
                assert {"task", "trial"} <= one.details.keys()
            there[one.encoder.digest] = one.encoder


def test_ranks_that_were_not_searched_are_named() -> None:
    search = canned(Canned(NOTHING), "deflation", ranks=range(4, 9))
    assert search.not_applicable == (7, 8)  # there is nothing above to descend from
    assert search.not_reached == (4, 5, 6)
    until_trials(search, 1)
    assert search.not_reached == (4, 5)


def test_a_rank_that_needs_no_search_counts_as_reached() -> None:
    search = Search(Problem(Format(2, 2, 2), 8), budget=60, executor=lambda _: Canned())
    list(search.run())
    assert (search.not_reached, search.not_applicable) == ((), ())


def _near_best(scale: float) -> TileEncoder:
    """Nearly the best of rank 6, and everything it computes scaled: the error rises by 7 (1 − scale)² of it."""
    objective = Problem(Format(2, 2, 2), 6).objective()
    u, v, w = strassen().factors
    u, v, w = alternating_least_squares(objective, (u[:6], v[:6], w[:6]), 300)
    return TileEncoder(Format(2, 2, 2), u, v, scale * w.T)


def test_other_families_than_the_best_are_there_to_be_kept() -> None:
    scaled = {scale: _near_best(scale) for scale in (1.0, 0.95, 0.94, 0.9501, 0.8)}
    discoveries = [Discovery(one, "als", 0, 0.1, details={"trial": k}) for k, one in enumerate(scaled.values())]
    search = canned(Canned(TaskResult(tuple(discoveries), 5)))
    until_trials(search, 5)
    assert search.best[6].encoder == scaled[1.0]
    kept = search.others
    assert [one.encoder for one in kept] == [scaled[0.9501], scaled[0.94]]  # neither alike another nor far behind
    assert all(one.strategy == "als" and one.seconds < 60 for one in kept)


def test_what_was_known_before_is_no_find() -> None:
    best, near = _near_best(1.0), _near_best(0.95)
    problem = Problem(Format(2, 2, 2), 6, known=(best, near))
    search = Search(problem, budget=60, executor=lambda _: Canned(NOTHING))
    until_trials(search, 1)
    assert search.best[6].encoder == best
    assert search.others == ()


def test_a_result_does_not_bring_back_what_the_worker_was_given() -> None:
    rng = np.random.default_rng(0)
    known = [
        TileEncoder(Format(2, 2, 2), *rng.standard_normal((2, 6, 4)), rng.standard_normal((4, 6))) for _ in range(90)
    ]
    task = Task("als", Problem(Format(2, 2, 2), 6, known=tuple(known)), (0, 1), 0.2)
    result = run_task(task)
    assert result.discoveries
    assert len(pickle.dumps(result)) < len(pickle.dumps(task)) / 5


def test_ranks_that_good_encoders_are_known_of_are_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rank 5 a known one is no better than what is left out of the classical algorithm."""
    refined: list[object] = []

    def portfolio(arms: list[tuple[int, str]], ranks: object) -> Portfolio:
        refined.append(ranks)
        return Portfolio(arms)

    monkeypatch.setattr("search.run.Portfolio", portfolio)
    u, v, w = (factor[:5] for factor in strassen().factors)
    known = (_near_best(1.0), TileEncoder(Format(2, 2, 2), u, v, w.T))
    search = Search(
        Problem(Format(2, 2, 2), 6, known=known), ranks=(4, 5, 6), budget=60, executor=lambda _: Canned(NOTHING)
    )
    until_trials(search, 1)
    assert refined == [{6}]
