"""Running a search: slices of strategies on an executor, the pool of known encoders growing between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import chain
from math import inf

import numpy as np

from search.exact.exact_seeds import derivation, in_better_bases
from search.local.refinement import LEAST_GROWTH
from search.local.similarity import similar
from search.problem import Problem
from search.running.ancestry import Ancestry
from search.running.budget import Budget, Clock
from search.running.failures import Failures
from search.running.pool import Pool
from search.running.portfolio import Arm, Portfolio
from search.running.task import Discovery, Task, TaskResult, run_task
from search.running.workers import Workers
from search.strategies import home_of, resolve, strategy
from search.strategies.names import NAMES
from stl_algebra import InvalidInput, TileEncoder, classical
from stl_algebra.classical import left_out

#: How many more of a rank than the best are worth keeping, and how much worse they may be, as a part of its error.
OTHERS, NEAR = 2, 0.03


@dataclass(frozen=True)
class Progress:
    """How a search stands, several times a second: `best` by rank, an Arm for each rank and strategy.

    `remaining` are the seconds left and `trials_left` the trials that no task was given yet, infinite without a limit.
    """

    elapsed: float
    remaining: float
    best: dict[int, Discovery]
    arms: tuple[Arm, ...]
    tasks_running: int
    trials_left: float = inf


class Search:
    """A search for the problem's rank, or for all of `ranks`, within a budget of seconds, a number of trials, or both.

    Iterating `run` gives a Discovery for every improvement at its rank as it comes and a Progress in between.
    Encoders found at one rank are starts for the ranks around it. With one strategy named, only what that
    strategy finds counts: constructions and known encoders are no results, though it may start from them. Nothing is a
    result that errs as much as the classical algorithm with products left out.
    A worker that dies loses only its task, and a slice that fails only its time; see Failures for where that ends a
    search. The executor is made by `executor(jobs)`, any concurrent.futures.Executor: all that an executor does that
    breaks as a whole is lost, which Workers and those of a Cluster do not.

    With `trials` alone and one job the clock decides nothing: the same search finds the same encoders again, on a busy
    machine too. `clock` is the module `time`, or what a test puts in its place.

    Raises InvalidInput where nothing could be searched, or the search would have no end.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        budget: float | None = None,
        trials: int | None = None,
        ranks: Sequence[int] = (),
        jobs: int = 1,
        seed: int = 0,
        strategy_name: str = "auto",
        executor: Callable[[int], Executor] = Workers,
        clock: Clock = time,
    ) -> None:
        self.budget = Budget(budget, trials, clock)
        if jobs < 1:
            raise InvalidInput(f"{jobs} jobs cannot search; give at least 1")
        self._problems = {rank: replace(problem, rank=rank) for rank in sorted(ranks or [problem.rank], reverse=True)}
        self.problem, self._jobs = problem, jobs
        self._seed, self._make_executor = seed, executor
        self._rng = np.random.default_rng((seed, 2**32 - 1))
        self._pool = Pool(problem, problem.known)
        self._ancestry = Ancestry([*problem.known, *problem.parts])
        self._tasks = 0
        self._ended: set[int] = set()
        self._settled: set[int] = set()
        self._found: dict[str, Discovery] = {}
        self.best: dict[int, Discovery] = {}
        self._all_strategies = strategy_name == "auto"
        #: What a strategy alone has to beat; a search with all of them begins with it.
        self._floors = {
            rank: None if self._all_strategies or rank == problem.format.products else left_out(problem.format, rank)
            for rank in self._problems
        }
        names = NAMES if self._all_strategies else (resolve(strategy_name),)
        self._arms = [
            (rank, name)
            for name in names
            for rank, at_rank in self._problems.items()
            if strategy(name).applies(at_rank)
        ]
        if not self._arms:
            raise InvalidInput(
                f"strategy {strategy_name} does not apply to {problem.format} at rank {problem.rank}"
                f"{' with weights' if problem.weights is not None else ''}; use auto"
            )

    def run(self) -> Generator[Discovery | Progress]:
        """Search until the budget ends. Closing the iterator stops the workers."""
        self.budget.start()
        for rank, problem in self._problems.items():
            for discovery in _constructions(problem) if self._all_strategies else ():
                self._pool.add(discovery.encoder)
                self._ancestry.add(discovery.candidate)
                yield from self._improvements(rank, replace(discovery, seconds=self.budget.elapsed))
        # A rank above that of an exact construction needs no search.
        self._settled = {rank for rank, found in self.best.items() if found.encoder.rank < rank}
        refined = {rank for rank, found in self.best.items() if found.strategy == "known"}
        self._portfolio = Portfolio([arm for arm in self._arms if arm[0] not in self._settled], refined)
        if not self._portfolio.arms:
            return
        yield self._progress(0)
        self._failures = Failures({name for _, name in self._arms}, self._jobs)
        executor = self._make_executor(self._jobs)
        running: dict[Future[TaskResult], Task] = {}
        try:
            while self.budget.lasts(len(running)):
                while len(running) < self._jobs and self.budget.allows_a_slice:
                    task = self._next_task()
                    try:
                        running[executor.submit(run_task, task)] = task
                    except BrokenExecutor:
                        self._failures.died()
                        executor.shutdown(wait=False)
                        executor = self._make_executor(self._jobs)
                        # What is done is collected yet, all else went with the executor.
                        for lost in (task, *(one for future, one in running.items() if not future.done())):
                            self.budget.give_back(lost.trials)
                        running = {future: one for future, one in running.items() if future.done()}
                done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from self._ended_task(running.pop(future), future)
                    # What workers were given may have left the pool meanwhile.
                    self._forget(chain(self._pool, *(task.problem.known for task in running.values())))
                yield self._progress(len(running))
                if not running and not self.budget.allows_a_slice:
                    break
            self._failures.close()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks asked for."""
        return tuple(sorted(self._problems))

    @property
    def not_applicable(self) -> tuple[int, ...]:
        """The ranks asked for at which no strategy applies."""
        searched = {rank for rank, _ in self._arms}
        return tuple(rank for rank in self.ranks if rank not in searched)

    @property
    def not_reached(self) -> tuple[int, ...]:
        """The ranks asked for at which a strategy applies, but no slice of any has come to an end so far.

        Ranks above that of an exact construction, which need no search, are not among them.
        """
        missing = {rank for rank, _ in self._arms} - self._ended - self._settled
        return tuple(sorted(missing))

    @property
    def others(self) -> tuple[Discovery, ...]:
        """What else was found and is worth keeping: of every rank a few nearly as good as the best, and unlike it.

        They are of other families, which later searches can start from; none was known before.
        """
        chosen: list[Discovery] = []
        for rank, best in self.best.items():
            limit = self.problem.cost(best.encoder) + NEAR * self.problem.error(best.encoder)
            kept = [best.encoder]
            for encoder in self._pool.of_rank(rank):
                unlike = not any(similar(self.problem, encoder, other) for other in kept)
                if len(kept) <= OTHERS and unlike and self.problem.cost(encoder) <= limit:
                    kept.append(encoder)
            chosen += [self._found[one.digest] for one in kept[1:] if one.digest in self._found]
        return tuple(replace(found, ancestors=self._ancestry.of(found.candidate)) for found in chosen)

    def _improvements(self, rank: int, discovery: Discovery) -> Iterator[Discovery]:
        best = self.best[rank].encoder if rank in self.best else self._floors[rank]
        if self.problem.improves(discovery.encoder, best):
            self.best[rank] = discovery
            yield discovery

    def _ended_task(self, task: Task, future: Future[TaskResult]) -> Iterator[Discovery]:
        """A task is over: collect what it found, unless it was lost with its worker, or failed."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._failures.died()
            self.budget.give_back(task.trials)
            return
        self._ended.add(task.problem.rank)
        if error is None:
            self._failures.ended_well()
            result = future.result()
            # A slice that finds nothing to try counts as a trial, or a search of nothing else would not end.
            self.budget.give_back(task.trials, max(result.trials, 1))
            yield from self._collect(task, result)
        elif isinstance(error, Exception):
            self._portfolio.record(task.problem.rank, task.strategy, 0, None, None)
            self._failures.failed(task, error)
        else:
            raise error

    def _collect(self, task: Task, result: TaskResult) -> Iterator[Discovery]:
        cost, rank = self.problem.cost, task.problem.rank
        before = cost(self.best[rank].encoder) if rank in self.best else None
        reached = min((cost(d.encoder) for d in result.discoveries), default=None)
        self._portfolio.record(rank, task.strategy, result.trials, reached, before)
        for discovery in result.discoveries:
            for candidate in (*discovery.ancestors, discovery.candidate):
                self._ancestry.add(candidate)
            ancestors = self._ancestry.of(discovery.candidate)
            yield from self._improvements(rank, replace(discovery, seconds=self.budget.elapsed, ancestors=ancestors))
        # Of one trial only the last is a new start: the steps to it are much the same encoder.
        for discovery in {d.details.get("trial"): d for d in result.discoveries}.values():
            if self._pool.add(discovery.encoder):
                self._found[discovery.encoder.digest] = replace(discovery, seconds=self.budget.elapsed, ancestors=())

    def _forget(self, alive: Iterable[TileEncoder]) -> None:
        """Let go of how encoders were found that are neither alive nor ancestors of what is."""
        self._ancestry.keep(alive)
        pool = {encoder.digest for encoder in self._pool}
        self._found = {digest: found for digest, found in self._found.items() if digest in pool}

    def _next_task(self) -> Task:
        self._tasks += 1
        arm = self._portfolio.draw(self._rng)
        part = self.budget.slice(len(self._portfolio.arms), first=self._tasks <= self._jobs)
        problem = replace(self._problems[arm.rank], known=self._pool.near(arm.rank))
        seed, home = (self._seed, self._tasks), home_of(arm.strategy)
        return Task(arm.strategy, problem, seed, part.seconds, part.expires, part.trials, home)

    def _progress(self, running: int) -> Progress:
        elapsed, remaining = self.budget.elapsed, max(self.budget.seconds - self.budget.elapsed, 0.0)
        arms = tuple(replace(arm) for arm in self._portfolio.arms)
        return Progress(elapsed, remaining, dict(self.best), arms, running, self.budget.trials_left)


def _constructions(problem: Problem) -> Iterator[Discovery]:
    """What needs no search: products left out of the classical algorithm, the best known, exact constructions."""
    whole = classical(problem.format)
    if problem.rank < whole.rank:
        words = f"{problem.rank} of the {whole.rank} products of the classical algorithm"
        naive = left_out(problem.format, problem.rank)
        yield Discovery(naive, "construction", None, 0.0, (whole.digest,), {"derivation": words})
    for encoder in problem.known_of_rank(problem.rank)[:1]:
        yield Discovery(encoder, "known", None, 0.0, (encoder.digest,))
    exact = derivation(problem.format)
    if exact.rank <= problem.rank:
        yield Discovery(exact.encoder, "construction", None, 0.0, (), {"derivation": str(exact)})
        details = {"derivation": str(exact), "bases": LEAST_GROWTH}
        parents = (exact.encoder.digest,)
        yield Discovery(in_better_bases(exact.encoder), "construction", None, 0.0, parents, details)
