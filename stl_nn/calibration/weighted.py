"""The best encoder for second moments: encoders of a layer's own, from nothing but the moments of its tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from stl_algebra import Precision, TileEncoder
from stl_nn.calibration.tile_system import TileSystem

if TYPE_CHECKING:
    from search.objective import Factors
    from search.strategy import Problem

#: What starts are told apart by: so many sweeps of alternating least squares, then for the best FIELD of them so many
#: steps of Levenberg–Marquardt. So many are minimised all the way.
SCREENING_SWEEPS, FIELD, SCREENING_STEPS, SURVIVORS = 100, 6, 30, 2
#: Of a move, so many tries and sweeps tell which one is minimised, by so many steps.
TRIES, TRY_SWEEPS, MOVE_STEPS = 10, 200, 60
#: Random products that are added at most, before as many are dropped.
MOST_ADDED = 3
#: Relative gain over ten steps of Levenberg–Marquardt that ends them.
TOLERANCE = 1e-3
#: Sweeps instead, where the linear system of a step is too large, and its size beyond which nothing is moved.
SWEEPS, LARGEST_MOVED = 1000, 2500


def weighted_encoders(
    system: TileSystem, starts: Sequence[TileEncoder], steps: int = 150, moves: int = 0, seed: int = 0
) -> list[TileEncoder]:
    """Encoders of least expected output error in bfloat16 for tiles with the second moments of this layer, best first.

    Minimises ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² / ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) T‖², plus what rounding to bfloat16 adds (an encoder that
    only float32 can hold is of no use), by so many steps of Levenberg–Marquardt from the best of the starts, all of one
    rank. Then so many moves are tried from the best minimum: products replaced by random ones, or random ones added and
    as many dropped. Σ_X and Σ_W are the mean second moments of the tiles of X and W. What one tile of the inner
    dimension has to do with another is left out here, and made up for by the refit. An exact encoder that comes first
    is returned as it is.

    >>> import torch; from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(50, 4))
    >>> system = TileSystem.of(strassen().format, sums.result(), torch.eye(4))
    >>> weighted_encoders(system, [strassen()], moves=3) == [strassen()]
    True

    Source: DESIGN §1; `search` for the minimisation and the moves.
    """
    from search.finish import unknowns
    from search.strategy import Problem

    first = starts[0]
    if first.ring.is_exact_for_reals or not system.energy > 0 or (moments := system.tile_moments) is None:
        return [first]  # nothing is left to gain
    problem = Problem(first.format, first.rank, Precision.parse("bf16"), weights=moments)
    rng = np.random.default_rng(seed)
    with threadpool_limits(1):  # matrices of a few kilobytes to a few megabytes
        found = _from_the_best(problem, list(map(problem.factors, starts)), steps)
        if unknowns(problem.format, problem.rank) <= LARGEST_MOVED:
            for move in range(moves):
                moved = _regrown(problem, found[0], rng) if move % 2 else _hopped(problem, found[0], rng)
                found = _ranked(problem, [*found, _minimised(problem, moved, MOVE_STEPS)])[: len(found)]
    return list(map(problem.encoder, found))


def _from_the_best(problem: Problem, starts: list[Factors], steps: int) -> list[Factors]:
    """The minima from the starts, or from the most promising of many, best first."""
    if len(starts) > FIELD:
        starts = _ranked(problem, (_swept(problem, start, SCREENING_SWEEPS) for start in starts))[:FIELD]
    if len(starts) > SURVIVORS:
        starts = _ranked(problem, (_minimised(problem, start, SCREENING_STEPS) for start in starts))[:SURVIVORS]
    return _ranked(problem, (_minimised(problem, start, steps) for start in starts))


def _hopped(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.hopping import hopped_factors

    return _ranked(problem, (_swept(problem, hopped_factors(here, rng), TRY_SWEEPS) for _ in range(TRIES)))[0]


def _regrown(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.hopping import with_random_products
    from search.strategies.deflation import descended
    from search.strategy import Stop

    more = int(rng.integers(1, MOST_ADDED + 1))
    grown = (_swept(problem, with_random_products(here, more, rng), TRY_SWEEPS) for _ in range(TRIES))
    start = _minimised(problem, _ranked(problem, grown)[0], SCREENING_STEPS)
    return descended(problem, start, 1.0, rng, Stop())[0]


def _ranked(problem: Problem, points: Iterable[Factors]) -> list[Factors]:
    return sorted(points, key=problem.objective().value)


def _swept(problem: Problem, start: Factors, sweeps: int) -> Factors:
    from search.als import alternating_least_squares

    return alternating_least_squares(problem.objective(), start, sweeps)


def _minimised(problem: Problem, start: Factors, steps: int) -> Factors:
    from search.cp_model import CPModel
    from search.finish import small_enough
    from search.levenberg_marquardt import last, levenberg_marquardt

    if not small_enough(problem):
        return _swept(problem, start, SWEEPS)
    iterates = levenberg_marquardt(CPModel(problem.objective()), start, iterations=steps, tolerance=TOLERANCE)
    u, v, w = last(iterates).point
    return u, v, w
