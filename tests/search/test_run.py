"""Running a search: streaming, budget, pools, workers that die."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from search.pool import CAPACITY, Pool
from search.portfolio import Portfolio
from search.run import Progress, Search, _shut_down, local_executor
from search.strategy import Problem
from search.task import Discovery, Task, run_task
from stl_algebra import Format, InvalidInput, TileEncoder, classical, strassen
from tests.search.conftest import skewed_moments


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


def test_a_killed_worker_loses_only_its_task() -> None:
    killed: list[int] = []

    def executor(jobs: int) -> Executor:
        pool = local_executor(jobs)
        assert isinstance(pool, ProcessPoolExecutor)
        if not killed:
            pid = pool.submit(os.getpid).result()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        return pool

    found = _discoveries(Search(Problem(Format(2, 2, 2), 6), budget=9, jobs=1, strategy_name="lm", executor=executor))
    assert killed
    assert found[-1].strategy == "lm"


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


def test_a_pool_keeps_the_best_and_drops_lookalikes() -> None:
    format = Format(2, 2, 2)
    problem = Problem(format, 4)
    pool = Pool(problem)
    rng = np.random.default_rng(0)
    encoders = [
        TileEncoder(format, *(rng.standard_normal((4, 4)) for _ in range(2)), rng.standard_normal((4, 4)))
        for _ in range(CAPACITY + 5)
    ]
    for encoder in encoders:
        pool.add(encoder)
        assert not pool.add(encoder)
    kept = pool.near(4)
    assert sorted(map(problem.cost, kept)) == sorted(map(problem.cost, encoders))[:CAPACITY]
    best = kept[0]
    nudged = TileEncoder(format, best.encode_x * (1 + 1e-7), best.encode_w, best.decode)
    worse, better = sorted([best, nudged], key=problem.cost)[::-1]
    pool = Pool(problem, [worse])
    assert pool.add(better)
    assert pool.near(4) == (better,)  # of two that are nearly the same, the better one
    pool.add(classical(format))
    assert classical(format) in pool.near(1)  # exact ones are for every rank
    assert all(e.exact for e in pool.near(100))


def test_a_worker_is_given_the_best_of_every_higher_rank() -> None:
    format, rng = Format(3, 3, 3), np.random.default_rng(0)
    ranks = (5, 9, 20, 20)
    encoders = [
        TileEncoder(
            format, rng.standard_normal((rank, 9)), rng.standard_normal((rank, 9)), rng.standard_normal((9, rank))
        )
        for rank in ranks
    ]
    problem = Problem(format, 9)
    given = Pool(problem, encoders).near(9)
    assert sorted(one.rank for one in given) == [9, 20]  # of 5, farther below than its neighbours, none
    assert min(encoders[2:], key=problem.cost) in given


def test_a_portfolio_explores_most_where_finds_are_rare_and_large() -> None:
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(40, "orbit"), (40, "lm")])
    for name in [portfolio.draw(rng).strategy for _ in range(2)]:
        portfolio.record(40, name, 1, 0.5, 0.5)
    assert [portfolio.draw(rng).strategy for _ in range(200)].count("orbit") > 130


def test_a_portfolio_prefers_what_gains() -> None:
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(40, "a"), (40, "b")])
    assert [portfolio.draw(rng).strategy for _ in range(2)] == ["a", "b"]
    portfolio.record(40, "a", 1, 0.5, 0.5)
    portfolio.record(40, "b", 1, 0.2, 0.5)
    drawn = [portfolio.draw(rng).strategy for _ in range(200)]
    assert drawn.count("b") > 150
    assert "a" in drawn


def test_an_executor_ends_although_a_result_is_half_sent() -> None:
    """A worker that is ended while it sends leaves a message without an end."""
    pool = local_executor(1)
    assert isinstance(pool, ProcessPoolExecutor)
    pool.submit(os.getpid).result()
    pool.submit(time.sleep, 600)
    manager, results = pool._executor_manager_thread, pool._result_queue
    assert manager is not None
    results._writer._send((1000).to_bytes(4) + b"the first bytes of a thousand")
    time.sleep(0.5)
    _shut_down(pool)
    manager.join(20)
    assert not manager.is_alive()
