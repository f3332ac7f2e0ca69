"""Running a search: slices of strategies on an executor, the pool of known encoders growing between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from search.ancestry import Ancestry
from search.exact_seeds import derivation, in_better_bases
from search.faults import Faults
from search.finish import LEAST_GROWTH
from search.likeness import alike
from search.pool import Pool
from search.portfolio import Arm, Portfolio
from search.strategies import strategy
from search.strategy import Problem
from search.strategy_names import NAMES
from search.task import Discovery, Task, TaskResult, run_task
from search.workers import Workers
from stl_algebra import InvalidInput, TileEncoder, classical

#: Every strategy gets several slices at every rank, within these seconds; the first ones are short.
SHORTEST_SLICE, LONGEST_SLICE, FIRST_SLICE = 1.0, 30.0, 3.0
SLICES_PER_ARM = 4
#: Kept back from the budget for a worker to finish the step it is in and for its result to travel.
RESERVE = 0.3
#: How long a worker that does not end in time is waited for; its task is then lost.
GRACE = 1.5
#: How many more of a rank than the best are worth keeping, and how much worse they may be, as a part of its error.
OTHERS, NEAR = 2, 0.03


@dataclass(frozen=True)
class Progress:
    """How a search stands, several times a second: `best` by rank, an Arm for each rank and strategy."""

    elapsed: float
    remaining: float
    best: dict[int, Discovery]
    arms: tuple[Arm, ...]
    tasks_running: int


def local_executor(jobs: int) -> Executor:
    """Worker processes on this machine."""
    return Workers(jobs)


class Search:
    """A search for the problem's rank, or for all of `ranks`, within a budget of seconds.

    Iterating `run` gives a Discovery for every improvement at its rank as it comes and a Progress in between.
    Encoders found at one rank are starts for the ranks around it. With one strategy named, only what that
    strategy finds counts: constructions and known encoders are no results, though it may start from them.
    A worker that dies loses only its task, and a slice that fails only its time; see Faults for where that ends a
    search. The executor is made by `executor(jobs)`, any concurrent.futures.Executor: all that an executor does that
    breaks as a whole is lost, which Workers and those of a Cluster do not.

    Raises InvalidInput where nothing could be searched.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        budget: float,
        ranks: Sequence[int] = (),
        jobs: int = 1,
        seed: int = 0,
        strategy_name: str = "auto",
        executor: Callable[[int], Executor] = local_executor,
    ) -> None:
        if not budget > 0:
            raise InvalidInput(f"a budget of {budget:g} seconds leaves no time to search; give more, such as 60s")
        if jobs < 1:
            raise InvalidInput(f"{jobs} jobs cannot search; give at least 1")
        self._problems = {rank: replace(problem, rank=rank) for rank in sorted(ranks or [problem.rank], reverse=True)}
        self.problem, self._budget, self._jobs = problem, budget, jobs
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
        names = NAMES if self._all_strategies else (strategy_name,)
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
        self._started = time.monotonic()
        for rank, problem in self._problems.items():
            for discovery in _constructions(problem) if self._all_strategies else ():
                self._pool.add(discovery.encoder)
                self._ancestry.add(discovery.candidate)
                yield from self._improvements(rank, replace(discovery, seconds=self._elapsed()))
        # A rank above that of an exact construction needs no search.
        self._settled = {rank for rank, found in self.best.items() if found.encoder.rank < rank}
        refined = {rank for rank, found in self.best.items() if found.strategy == "known"}
        self._portfolio = Portfolio([arm for arm in self._arms if arm[0] not in self._settled], refined)
        if not self._portfolio.arms:
            return
        yield self._progress(0)
        self._faults = Faults({name for _, name in self._arms}, self._jobs)
        executor = self._make_executor(self._jobs)
        running: dict[Future[TaskResult], Task] = {}
        try:
            while self._remaining() > 0 or (running and self._remaining() > -GRACE):
                while len(running) < self._jobs and self._remaining() > SHORTEST_SLICE / 4:
                    task = self._next_task()
                    try:
                        running[executor.submit(run_task, task)] = task
                    except BrokenExecutor:
                        self._faults.died()
                        executor.shutdown(wait=False)
                        executor = self._make_executor(self._jobs)
                        # What is done is collected yet, all else went with the executor.
                        running = {future: lost for future, lost in running.items() if future.done()}
                done, _ = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from self._ended_task(running.pop(future), future)
                    # What workers were given may have left the pool meanwhile.
                    self._forget(chain(self._pool, *(task.problem.known for task in running.values())))
                if not running and self._remaining() <= SHORTEST_SLICE / 4:
                    break
                yield self._progress(len(running))
            self._faults.close()
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
                unlike = not any(alike(self.problem, encoder, other) for other in kept)
                if len(kept) <= OTHERS and unlike and self.problem.cost(encoder) <= limit:
                    kept.append(encoder)
            chosen += [self._found[one.digest] for one in kept[1:] if one.digest in self._found]
        return tuple(replace(found, ancestors=self._ancestry.of(found.candidate)) for found in chosen)

    def _improvements(self, rank: int, discovery: Discovery) -> Iterator[Discovery]:
        best = self.best[rank].encoder if rank in self.best else None
        if self.problem.improves(discovery.encoder, best):
            self.best[rank] = discovery
            yield discovery

    def _ended_task(self, task: Task, future: Future[TaskResult]) -> Iterator[Discovery]:
        """A task is over: collect what it found, unless it was lost with its worker, or failed."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            self._faults.died()
            return
        self._ended.add(task.problem.rank)
        if error is None:
            self._faults.ended_well()
            yield from self._collect(task, future.result())
        elif isinstance(error, Exception):
            self._portfolio.record(task.problem.rank, task.strategy, 0, None, None)
            self._faults.failed(task, error)
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
            yield from self._improvements(rank, replace(discovery, seconds=self._elapsed(), ancestors=ancestors))
        # Of one trial only the last is a new start: the steps to it are much the same encoder.
        for discovery in {d.details.get("trial"): d for d in result.discoveries}.values():
            if self._pool.add(discovery.encoder):
                self._found[discovery.encoder.digest] = replace(discovery, seconds=self._elapsed(), ancestors=())

    def _forget(self, alive: Iterable[TileEncoder]) -> None:
        """Let go of how encoders were found that are neither alive nor ancestors of what is."""
        self._ancestry.keep(alive)
        pool = {encoder.digest for encoder in self._pool}
        self._found = {digest: found for digest, found in self._found.items() if digest in pool}

    def _next_task(self) -> Task:
        self._tasks += 1
        arm = self._portfolio.draw(self._rng)
        length = (
            FIRST_SLICE if self._tasks <= self._jobs else self._budget / (SLICES_PER_ARM * len(self._portfolio.arms))
        )
        seconds = min(max(length, SHORTEST_SLICE), LONGEST_SLICE, max(self._remaining(), 0.1))
        problem = replace(self._problems[arm.rank], known=self._pool.near(arm.rank))
        return Task(arm.strategy, problem, (self._seed, self._tasks), seconds, time.time() + self._remaining())

    def _elapsed(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _remaining(self) -> float:
        return self._started + self._budget - RESERVE - time.monotonic()

    def _progress(self, running: int) -> Progress:
        elapsed = self._elapsed()
        arms = tuple(replace(arm) for arm in self._portfolio.arms)
        return Progress(elapsed, max(self._budget - elapsed, 0.0), dict(self.best), arms, running)


def _constructions(problem: Problem) -> Iterator[Discovery]:
    """What needs no search: products left out of the classical algorithm, the best known, exact constructions."""
    whole = classical(problem.format)
    if problem.rank < whole.rank:
        keep = np.linspace(0, whole.rank, problem.rank, endpoint=False).astype(int)
        u, v, w = (factor[keep] for factor in whole.factors)
        words = f"{problem.rank} of the {whole.rank} products of the classical algorithm"
        naive = TileEncoder(problem.format, u, v, w.T)
        yield Discovery(naive, "construction", None, 0.0, (whole.digest,), {"derivation": words})
    for encoder in problem.known_of_rank(problem.rank)[:1]:
        yield Discovery(encoder, "known", None, 0.0, (encoder.digest,))
    exact = derivation(problem.format)
    if exact.rank <= problem.rank:
        yield Discovery(exact.encoder, "construction", None, 0.0, (), {"derivation": str(exact)})
        details = {"derivation": str(exact), "bases": LEAST_GROWTH}
        parents = (exact.encoder.digest,)
        yield Discovery(in_better_bases(exact.encoder), "construction", None, 0.0, parents, details)
