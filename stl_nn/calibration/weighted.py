"""The best encoder for second moments: encoders of a layer's own, from nothing but the moments of its tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from stl_algebra import Precision, TileEncoder
from stl_nn.calibration.tile_system import TileSystem

if TYPE_CHECKING:
    from search.objective import Factors
    from search.strategy import Problem

#: What random starts are told apart by: sweeps of alternating least squares, (emphasis on growth, sweeps).
SCREENING = ((100.0, 300), (1.0, 300))
#: So many of them are minimised all the way, the best.
SURVIVORS = 2
#: Relative gain over ten steps of Levenberg–Marquardt that ends them.
TOLERANCE = 1e-3
#: Sweeps instead, where the linear system of a step is too large.
SWEEPS = 1000


def weighted_encoders(
    system: TileSystem, encoders: Sequence[TileEncoder], random_starts: int = 0, steps: int = 150, seed: int = 0
) -> list[TileEncoder]:
    """Encoders of least expected output error in bfloat16 for tiles with the second moments of this layer, best first.

    Minimises ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² / ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) T‖², plus what rounding to bfloat16 adds (an encoder that
    only float32 can hold is of no use), by so many steps of Levenberg–Marquardt: from `encoders`, all of one rank, and
    from the best of some random starts. Σ_X and Σ_W are the mean second moments of the tiles of X and W. What one tile
    of the inner dimension has to do with another is left out here, and made up for by the refit. An exact encoder that
    comes first is returned as it is.

    >>> import torch; from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(50, 4))
    >>> system = TileSystem.of(strassen().format, sums.result(), torch.eye(4))
    >>> weighted_encoders(system, [strassen()], random_starts=3) == [strassen()]
    True

    Source: DESIGN §1; `search` for the minimisation.
    """
    from search.strategy import Problem

    encoder = encoders[0]
    if encoder.ring.is_exact_for_reals or not system.energy > 0 or (moments := system.tile_moments) is None:
        return [encoder]  # nothing is left to gain
    problem = Problem(encoder.format, encoder.rank, Precision.parse("bf16"), weights=moments)
    with threadpool_limits(1):  # matrices of a few kilobytes to a few megabytes
        screened = sorted(_random(problem, random_starts, seed), key=problem.objective().value)[:SURVIVORS]
        starts = [*map(problem.factors, encoders), *screened]
        found = [_minimised(problem, start, steps) for start in starts]
    return sorted(map(problem.encoder, found), key=problem.cost)[: len(encoders) + 1]


def _random(problem: Problem, starts: int, seed: int) -> Iterator[Factors]:
    from search.als import alternating_least_squares
    from search.hopping import random_factors

    rng = np.random.default_rng(seed)
    for _ in range(starts):
        factors = random_factors(problem, rng)
        for emphasis, sweeps in SCREENING:
            factors = alternating_least_squares(problem.objective(emphasis), factors, sweeps)
        yield factors


def _minimised(problem: Problem, start: Factors, steps: int) -> Factors:
    from search.als import alternating_least_squares
    from search.cp_model import CPModel
    from search.finish import small_enough
    from search.levenberg_marquardt import last, levenberg_marquardt

    if not small_enough(problem):
        return alternating_least_squares(problem.objective(), start, SWEEPS)
    iterates = levenberg_marquardt(CPModel(problem.objective()), start, iterations=steps, tolerance=TOLERANCE)
    u, v, w = last(iterates).point
    return u, v, w
