"""Running a search: slices of strategies on an executor, the pool of known encoders growing between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from search.exact_seeds import exact_seed
from search.portfolio import Arm, Portfolio
from search.strategies import strategy
from search.strategy import Problem
from search.strategy_names import NAMES
from search.task import Discovery, Task, TaskResult, ignore_interrupt, run_task
from stl_algebra import InvalidInput, TileEncoder, classical

#: Encoders kept per rank for the next slices to start from.
POOL = 12
#: A slice lasts a twelfth of the budget, within these seconds; the first ones are short.
SHORTEST_SLICE, LONGEST_SLICE, FIRST_SLICE = 1.0, 30.0, 2.0
#: Kept back from the budget for a worker to finish the step it is in and for its result to travel.
RESERVE = 0.3


@dataclass(frozen=True)
class Progress:
    """How a search stands, several times a second."""

    elapsed: float
    remaining: float
    best: Discovery | None
    arms: tuple[Arm, ...]
    tasks_running: int


def local_executor(jobs: int) -> ProcessPoolExecutor:
    """Worker processes on this machine, started afresh (no state of this process is shared)."""
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=ignore_interrupt)


class Search:
    """A search for one problem within a budget of seconds.

    Iterating `run` gives a Discovery for every improvement as it comes and a Progress in between. Workers
    that die lose only their task. The executor is made by `executor(jobs)`, any concurrent.futures.Executor.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        budget: float,
        jobs: int = 1,
        seed: int = 0,
        strategy_name: str = "auto",
        executor: Callable[[int], Executor] = local_executor,
    ) -> None:
        if not budget > 0:
            raise InvalidInput(f"a budget of {budget:g} seconds leaves no time to search; give more, such as 60s")
        if jobs < 1:
            raise InvalidInput(f"{jobs} jobs cannot search; give at least 1")
        names = list(NAMES) if strategy_name == "auto" else [strategy_name]
        names = [name for name in names if strategy(name).applies(problem)]
        if not names:
            raise InvalidInput(
                f"strategy {strategy_name} does not apply to {problem.format} at rank {problem.rank}; use auto"
            )
        self._problem, self._budget, self._jobs = problem, budget, jobs
        self._seed, self._make_executor = seed, executor
        self._portfolio = Portfolio(names)
        self._rng = np.random.default_rng((seed, 2**32 - 1))
        self._pool = list(problem.known)
        self._tasks = 0
        self.best: Discovery | None = None

    def run(self) -> Generator[Discovery | Progress]:
        """Search until the budget ends. Closing the iterator stops the workers."""
        self._started = time.monotonic()
        for discovery in self._constructions():
            yield from self._improvements(discovery)
        if self.best is not None and self.best.encoder.rank < self._problem.rank:
            return  # exact with fewer products than asked for
        yield self._progress(0)
        executor = self._make_executor(self._jobs)
        running: dict[Future[TaskResult], str] = {}
        try:
            while self._remaining() > 0 or running:
                while len(running) < self._jobs and self._remaining() > SHORTEST_SLICE / 4:
                    try:
                        task = self._next_task()
                        running[executor.submit(run_task, task)] = task.strategy
                    except BrokenProcessPool:
                        executor.shutdown(wait=False)
                        executor = self._make_executor(self._jobs)
                        running.clear()
                done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
                for future in done:
                    running.pop(future, None)
                    if not isinstance(error := future.exception(), BrokenProcessPool):
                        if error is not None:
                            raise error
                        yield from self._collect(future.result())
                if not running and self._remaining() <= SHORTEST_SLICE / 4:
                    break
                yield self._progress(len(running))
        finally:
            _shut_down(executor)

    def _constructions(self) -> Iterator[Discovery]:
        """What needs no search: products left out of the classical algorithm, and exact constructions."""
        problem = self._problem
        whole = classical(problem.format)
        keep = np.linspace(0, whole.rank, problem.rank, endpoint=False).astype(int)
        u, v, w = (factor[keep] for factor in whole.factors)
        if problem.rank < whole.rank:
            yield Discovery(
                TileEncoder(problem.format, u, v, w.T),
                "construction",
                None,
                0.0,
                (whole.digest,),
                {"words": f"{problem.rank} of the {whole.rank} products of the classical algorithm"},
            )
        for encoder in problem.known_of_rank(problem.rank)[:1]:
            self.best = Discovery(encoder, "known", None, 0.0, (encoder.digest,))
            yield self.best
        exact = exact_seed(problem.format)
        if exact.rank <= problem.rank:
            yield Discovery(
                exact,
                "construction",
                None,
                0.0,
                (),
                {"words": "Strassen's algorithm, Kronecker products and direct sums"},
            )

    def _improvements(self, discovery: Discovery) -> Iterator[Discovery]:
        cost = self._problem.cost
        if discovery.strategy != "known":
            self._remember(discovery.encoder)
        if self.best is None or cost(discovery.encoder) < cost(self.best.encoder) - 1e-12:
            self.best = discovery
            yield discovery

    def _collect(self, result: TaskResult) -> Iterator[Discovery]:
        cost = self._problem.cost
        before = cost(self.best.encoder) if self.best else None
        reached = min((cost(d.encoder) for d in result.discoveries), default=None)
        self._portfolio.record(result.task.strategy, result.trials, reached, before)
        for discovery in result.discoveries:
            yield from self._improvements(replace(discovery, seconds=round(time.monotonic() - self._started, 3)))

    def _remember(self, encoder: TileEncoder) -> None:
        cost = self._problem.cost
        same_rank = [e for e in self._pool if e.rank == encoder.rank]
        if any(abs(cost(e) - cost(encoder)) < 1e-9 for e in same_rank):
            return
        kept = sorted([*same_rank, encoder], key=cost)[:POOL]
        self._pool = [e for e in self._pool if e.rank != encoder.rank] + kept

    def _next_task(self) -> Task:
        self._tasks += 1
        length = FIRST_SLICE if self._tasks <= self._jobs else self._budget / 12
        seconds = min(max(length, SHORTEST_SLICE), LONGEST_SLICE, max(self._remaining(), 0.1))
        problem = replace(self._problem, known=tuple(self._pool))
        return Task(self._portfolio.draw(self._rng), problem, (self._seed, self._tasks), seconds)

    def _remaining(self) -> float:
        return self._started + self._budget - RESERVE - time.monotonic()

    def _progress(self, running: int) -> Progress:
        elapsed = time.monotonic() - self._started
        arms = tuple(replace(arm) for arm in self._portfolio.arms.values())
        return Progress(elapsed, max(self._budget - elapsed, 0.0), self.best, arms, running)


def _shut_down(executor: Executor) -> None:
    """End an executor at once: what its workers still do is not wanted any more."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
