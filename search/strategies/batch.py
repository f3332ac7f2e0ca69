"""Random starts and hops by the thousand with torch: alternating least squares on all, then the best few further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from search.local.hopping import BestOfRank, hopped_factors, random_factors
from search.local.refinement import refined
from search.numerics.objective import Factors
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial

if TYPE_CHECKING:
    from torch import Tensor

#: Points at a time on a GPU and on a CPU; of these one in so many is minimised by Levenberg–Marquardt.
ON_GPU, ON_CPU, SURVIVORS = 2048, 4, 4
#: Growth is held down by these factors in turn; sweeps at each, between looks at the clock.
PENALTY_SCALES, SWEEPS, ROUNDS = (100.0, 10.0, 1.0), 30, 5
#: Solves of Levenberg–Marquardt between looks at the clock, and how often.
SOLVES, LOOKS = 20, 6
#: Either ends where the best of the batch gained less than this part of F since the last look.
TOLERANCE = 3e-3
#: Candidates handed on from each batch.
BEST = 4


class BatchSearch(Strategy):
    """Batches of starts, half of them hops from the best so far where there are any, minimised together in float64.

    All go through alternating least squares, then one in SURVIVORS through Levenberg–Marquardt. Needs torch (the
    extra nn) and pays on a GPU: it takes the first one, or the CPU where there is none. Not part of auto, which
    does not import torch.
    """

    name = "batch"
    libraries = ("torch",)

    def applies(self, problem: Problem) -> bool:  # noqa: ARG002
        return True

    def explorer(self, problem: Problem) -> Explorer:
        return _Batches(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem, size = trial.problem, trial.options["size"]
        origins = rng.integers(len(trial.parents), size=size // 2) if trial.parents else []
        starts = [hopped_factors(problem.factors(trial.parents[k]), rng) for k in origins]
        starts += [random_factors(problem, rng) for _ in range(size - len(starts))]
        for chosen, factors in _minimised(problem, starts, _device()[0], stop):
            yield from refined(problem, factors, rng, stop, {"hop": chosen < len(origins), "batch": size})


class _Batches(Explorer):
    """A batch has all of the best so far as parents: a point depends on the others by when they are minimised."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._best = BestOfRank(problem)
        self._size = _device()[1]

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:  # noqa: ARG002
        yield Trial(BatchSearch.name, self._problem, "batch", tuple(self._best.encoders), {"size": self._size})

    def tell(self, trial: Trial, candidate: Candidate) -> None:  # noqa: ARG002
        self._best.add(candidate.encoder)


def _device() -> tuple[str, int]:
    """Where to compute, and how many points at a time. Raises InvalidInput where torch is not installed."""
    from stl_algebra import InvalidInput

    try:
        import torch
    except ImportError as missing:
        raise InvalidInput("strategy batch needs torch; install it with: pip install 'strassen-tile[nn]'") from missing
    return ("cuda", ON_GPU) if torch.cuda.is_available() else ("cpu", ON_CPU)


def _minimised(problem: Problem, starts: list[Factors], device: str, stop: Stop) -> Iterator[tuple[int, Factors]]:
    """The BEST of a batch, best first: the number of the start and the factors."""
    import torch

    from search.numerics.batched.als import batched_als
    from search.numerics.batched.levenberg_marquardt import batched_levenberg_marquardt
    from search.numerics.batched.objective import BatchedObjective, from_device, to_device

    batch = to_device(starts, device)
    for penalty_scale in PENALTY_SCALES:
        objective = BatchedObjective.of(problem.objective(penalty_scale), device)
        value, before = objective.value(batch), np.inf
        for _ in range(ROUNDS):
            if stop() or _least(value) > (1 - TOLERANCE) * before:
                break
            before = _least(value)
            batch = batched_als(objective, batch, SWEEPS)
            stop.worked()
            value = torch.nan_to_num(objective.value(batch), nan=torch.inf)
    numbers = torch.argsort(value)[: max(len(starts) // SURVIVORS, 1)]
    batch, value, before = (batch[0][numbers], batch[1][numbers], batch[2][numbers]), value[numbers], np.inf
    for _ in range(LOOKS):
        if stop() or _least(value) > (1 - TOLERANCE) * before:
            break
        before = _least(value)
        batch, value = batched_levenberg_marquardt(objective, batch, SOLVES, damping=1e-2)
        stop.worked()
    order = torch.argsort(value)[:BEST]
    found = from_device((batch[0][order], batch[1][order], batch[2][order]))
    for number, factors, reached in zip(numbers[order].tolist(), found, value[order].tolist(), strict=True):
        if np.isfinite(reached):
            yield number, factors


def _least(values: Tensor) -> float:
    return float(values.min())
