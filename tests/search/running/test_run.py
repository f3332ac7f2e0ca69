"""Running a search: streaming, budget, sweeps, what is there at the end."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import BrokenExecutor, Executor, Future
from itertools import pairwise

import numpy as np
import pytest

from search.numerics.als import alternating_least_squares
from search.problem import Problem
from search.running.budget import GRACE, RESERVE
from search.running.portfolio import Portfolio
from search.running.replay import make_again
from search.running.run import Progress, Search
from search.running.task import Discovery, Task, TaskResult, run_task
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, strassen
from stl_algebra.classical import left_out
from tests.search.conftest import NOTHING, Canned, HandClock, canned, skewed_moments, threads, until_trials


def _discoveries(search: Search) -> list[Discovery]:
    return [event for event in search.run() if isinstance(event, Discovery)]


class _Timed(Executor):
    """Runs nothing: each task takes its seconds on a clock, and a little more."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.tasks: list[tuple[float, Task]] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # noqa: ARG002
        self.tasks.append((self.clock.now, args[0]))
        self.clock.now += args[0].seconds + 0.01
        future: Future[TaskResult] = Future()
        future.set_result(NOTHING)
        return future


def test_no_task_outlasts_the_budget() -> None:
    clock = HandClock()
    executor = _Timed(clock)
    list(Search(Problem(Format(2, 2, 2), 6), budget=20, jobs=2, executor=lambda _: executor, clock=clock).run())
    assert len(executor.tasks) > 2
    end = executor.tasks[0][0] + 20
    assert all(begun + task.seconds <= end for begun, task in executor.tasks)
    assert {round(task.expires, 6) for _, task in executor.tasks} == {round(1e9 + end - RESERVE, 6)}
    assert end - 1 < clock.now < end  # and the time is used


def test_a_worker_that_does_not_end_in_time_is_waited_for_a_little() -> None:
    clock = HandClock(tick=0.5)
    search = canned(Canned(), budget=3, clock=clock)
    standing = [event for event in search.run() if isinstance(event, Progress)]
    assert standing[-1].tasks_running == 1
    assert 3 + GRACE <= clock.now - 100 < 3 + GRACE + 5


def test_it_streams_improvements() -> None:
    problem = Problem(Format(2, 2, 2), 6)
    found = _discoveries(Search(problem, trials=20, jobs=2, executor=threads))
    costs = [problem.cost(d.encoder) for d in found]
    assert all(b < a for a, b in pairwise(costs))
    assert found[0].strategy == "construction"
    assert found[-1].strategy != "construction"
    assert {"task", "trial"} <= found[-1].details.keys()


def test_trials_end_a_search_and_all_of_them_are_made() -> None:
    search = Search(Problem(Format(2, 2, 2), 6), trials=11, jobs=2, strategy_name="als", executor=threads)
    last = [event for event in search.run() if isinstance(event, Progress)][-1]
    assert sum(arm.trials for arm in last.arms) == 11
    assert (last.trials_left, last.remaining) == (0, np.inf)


def test_trials_that_are_lost_with_a_worker_are_made_by_others() -> None:
    dead = BrokenExecutor("a worker died")
    executor = Canned(NOTHING, dead, dead, *[NOTHING] * 9)
    list(canned(executor, budget=None, trials=5).run())
    assert len(executor.tasks) == 7
    assert all(task.trials == 1 and task.seconds == task.expires == np.inf for task in executor.tasks)


def test_trials_end_a_search_that_has_nothing_to_try() -> None:
    executor = Canned(*[TaskResult((), 0)] * 9)
    list(canned(executor, budget=None, trials=5).run())
    assert len(executor.tasks) == 5


def test_a_search_of_trials_is_reproducible() -> None:
    def found() -> list[tuple[str, str, dict[str, object]]]:
        search = Search(Problem(Format(2, 2, 2), 6), ranks=(5, 6), trials=24, seed=3, executor=threads)
        return [(one.encoder.digest, one.strategy, one.details) for one in _discoveries(search)]

    first = found()
    assert any(details.get("task") for *_, details in first)
    assert first == found()


@pytest.mark.slow
def test_a_search_by_the_clock() -> None:
    """On worker processes: it finds something in its seconds, and ends; pytest-timeout names it if it does not."""
    problem = Problem(Format(2, 2, 2), 5)
    found = _discoveries(Search(problem, budget=3, jobs=1))
    assert found[0].strategy == "construction"
    assert problem.cost(found[-1].encoder) <= problem.cost(found[0].encoder)


def test_workers_are_processes() -> None:
    problem = Problem(Format(2, 2, 2), 5)
    found = _discoveries(Search(problem, trials=3, jobs=1, strategy_name="lm"))
    assert found[-1].strategy == "lm"


def test_known_encoders_are_where_it_starts() -> None:
    u, v, w = strassen().factors
    near = TileEncoder(Format(2, 2, 2), u[:6], v[:6], w[:6].T)
    problem = Problem(Format(2, 2, 2), 6, known=(near,))
    search = canned(Canned(NOTHING), "auto", problem=problem)
    events = search.run()
    seen = [next(events), next(events)]
    events.close()
    assert next(event.strategy for event in seen if isinstance(event, Discovery)) in {"construction", "known"}
    assert search.best[6].encoder.error_at("bf16") <= near.error_at("bf16")


def test_one_strategy_shows_only_what_it_finds() -> None:
    problem = Problem(Format(2, 2, 2), 7, known=(strassen(),))
    found = _discoveries(Search(problem, trials=4, strategy_name="orbit", executor=threads))
    assert {d.strategy for d in found} == {"orbit"}


def test_a_rank_above_an_exact_construction_needs_no_search() -> None:
    executor = Canned()
    search = Search(Problem(Format(4, 4, 4), 55), trials=60, executor=lambda _: executor)
    found = _discoveries(search)
    assert not executor.tasks
    assert found[-1].encoder.exact
    assert search.best[55].encoder.rank == 49


def test_a_sweep_finds_every_rank_and_reports_it() -> None:
    search = Search(Problem(Format(2, 2, 2), 4), ranks=range(4, 8), trials=40, executor=threads)
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
        ({"budget": 1, "trials": 0}, "0 trials find nothing"),
        ({}, "a search needs an end"),
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
    first, second = (run_task(Task("orbit", problem, (5, 3), trials=3)) for _ in range(2))
    assert first.trials == second.trials == 3
    assert first.discoveries
    for a, b in zip(first.discoveries, second.discoveries, strict=True):
        assert a.encoder == b.encoder
        assert a.details == b.details
    assert first.discoveries[0].seed == 5
    assert first.discoveries[0].details["task"] == 3


def test_a_task_that_comes_too_late_makes_no_trial() -> None:
    assert run_task(Task("als", Problem(Format(2, 2, 2), 6), (0, 1), expires=time.time())) == TaskResult((), 0)


def test_every_discovery_can_be_replayed_from_what_comes_with_it() -> None:
    """Also those whose ancestors were found by other tasks, and left the pool meanwhile."""
    known = TileEncoder(Format(2, 2, 2), *(np.random.default_rng(0).standard_normal((3, 6, 4)))[:2], np.eye(4, 6))
    problem = Problem(Format(2, 2, 2), 6, known=(known,))
    found = _discoveries(Search(problem, ranks=(5, 6), trials=60, executor=threads))
    assert any(discovery.recipe and discovery.ancestors for discovery in found)
    for discovery in found:
        there = {known.digest: known}
        for one in (*discovery.ancestors, discovery.candidate):
            if one.recipe is not None:
                parents = [there[parent] for parent in one.parents]
                assert make_again(one.recipe, parents) == one.encoder
                assert {"task", "trial"} <= one.details.keys()
            there[one.encoder.digest] = one.encoder


def test_ranks_that_were_not_searched_are_named() -> None:
    search = canned(Canned(NOTHING), "deflation", ranks=range(4, 9))
    assert search.not_applicable == (7, 8)  # there is nothing above to descend from
    assert search.not_reached == (4, 5, 6)
    until_trials(search, 1)
    assert search.not_reached == (4, 5)


def test_a_rank_that_needs_no_search_counts_as_reached() -> None:
    search = Search(Problem(Format(2, 2, 2), 8), trials=60, executor=lambda _: Canned())
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
    search = canned(Canned(NOTHING), "auto", problem=problem)
    until_trials(search, 1)
    assert search.best[6].encoder == best
    assert search.others == ()


def test_a_result_does_not_bring_back_what_the_worker_was_given() -> None:
    rng = np.random.default_rng(0)
    known = [
        TileEncoder(Format(2, 2, 2), *rng.standard_normal((2, 6, 4)), rng.standard_normal((4, 6))) for _ in range(90)
    ]
    task = Task("als", Problem(Format(2, 2, 2), 6, known=tuple(known)), (0, 1), trials=2)
    result = run_task(task)
    assert result.discoveries
    assert len(pickle.dumps(result)) < len(pickle.dumps(task)) / 5


def test_ranks_that_good_encoders_are_known_of_are_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rank 5 a known one is no better than what is left out of the classical algorithm."""
    refined: list[object] = []

    def portfolio(arms: list[tuple[int, str]], ranks: object) -> Portfolio:
        refined.append(ranks)
        return Portfolio(arms)

    monkeypatch.setattr("search.running.run.Portfolio", portfolio)
    u, v, w = (factor[:5] for factor in strassen().factors)
    known = (_near_best(1.0), TileEncoder(Format(2, 2, 2), u, v, w.T))
    search = canned(Canned(NOTHING), "auto", problem=Problem(Format(2, 2, 2), 6, known=known), ranks=(4, 5, 6))
    until_trials(search, 1)
    assert refined == [{6}]


@pytest.mark.parametrize("name", ["als", "auto"])
def test_no_result_is_worse_than_leaving_products_out(name: str) -> None:
    """In fp8 little growth counts for more than a small residual; also where one strategy alone finds nothing else."""
    problem = Problem(Format(2, 2, 2), 6, Precision.parse("fp8"))
    s = strassen()
    good = TileEncoder(s.format, s.encode_x[:6], s.encode_w[:6], s.decode[:, :6])
    worse = TileEncoder(good.format, 20 * good.encode_x, good.encode_w, good.decode)
    found = TaskResult((Discovery(worse, "als", 0, 0.0),), 1)
    search = Search(problem, budget=60, strategy_name=name, executor=lambda _: Canned(found))
    until_trials(search, 1)
    naive = left_out(problem.format, problem.rank)
    assert problem.error(worse) > problem.error(naive)
    assert [one.encoder for one in search.best.values()] == ([naive] if name == "auto" else [])
