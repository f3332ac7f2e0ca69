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

#: Sweeps of alternating least squares that starts are told apart by, and that lead to a minimum. (Levenberg–Marquardt
#: gets nearer to each one in four times as long; a better one is worth more.)
SCREENING_SWEEPS, SWEEPS = 100, 1000
#: Of all starts, so many are taken to a minimum, and the best of these so much further.
FIELD, SURVIVORS = 6, 2
#: Of a move, so many tries and sweeps tell which one is minimised.
TRIES, TRY_SWEEPS = 10, 200
#: Random products that are added at most, before as many are dropped.
MOST_ADDED = 3
#: Of encoders with more unknowns, the best of the starts is minimised and nothing is moved.
LARGEST_MOVED = 2500


def weighted_encoders(
    system: TileSystem, starts: Sequence[TileEncoder], moves: int = 0, seed: int = 0
) -> list[TileEncoder]:
    """Encoders of least expected output error in bfloat16 for tiles with the second moments of this layer, best first.

    Minimises ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² / ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) T‖², plus what rounding to bfloat16 adds (an encoder that
    only float32 can hold is of no use), from the best of the starts, all of one rank. Then so many moves are tried from
    the best minimum: products replaced by random ones, or random ones added and as many dropped. Σ_X and Σ_W are the
    mean second moments of the tiles of X and W. What one tile of the inner dimension has to do with another is left out
    here, and made up for by the refit. An exact encoder that comes first is returned as it is.

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

    if (problem := _problem(system, starts[0])) is None:
        return [starts[0]]
    points, rng = list(map(problem.factors, starts)), np.random.default_rng(seed)
    with threadpool_limits(1):  # matrices of a few kilobytes to a few megabytes
        if unknowns(problem.format, problem.rank) > LARGEST_MOVED:
            return [problem.encoder(_swept(problem, _ranked(problem, points)[0], SWEEPS))]
        found = _best(problem, points, SCREENING_SWEEPS, FIELD)
        for _ in range(2):
            found = _best(problem, found, SWEEPS, SURVIVORS)
        for move in range(moves):
            moved = _regrown(problem, found[0], rng) if move % 2 else _hopped(problem, found[0], rng)
            found = _ranked(problem, [*found, _swept(problem, moved, SWEEPS)])[: len(found)]
    return list(map(problem.encoder, found))


def nearly_weighted_encoder(system: TileSystem, starts: Sequence[TileEncoder], sweeps: int) -> TileEncoder:
    """The best that so many sweeps of alternating least squares make of encoders of one rank: soon as good for what
    ranks are compared by, how much less one errs than another.

    An exact encoder that comes first is returned as it is.
    """
    problem = _problem(system, starts[0])
    if problem is None:
        return starts[0]
    with threadpool_limits(1):
        return problem.encoder(_best(problem, map(problem.factors, starts), sweeps)[0])


def _problem(system: TileSystem, encoder: TileEncoder) -> Problem | None:
    """Of encoders like this one for a layer; None where nothing is left to gain."""
    from search.strategy import Problem

    if encoder.ring.is_exact_for_reals or not system.energy > 0 or (moments := system.tile_moments) is None:
        return None
    return Problem(encoder.format, encoder.rank, Precision.parse("bf16"), weights=moments)


def _hopped(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.hopping import hopped_factors

    return _best(problem, (hopped_factors(here, rng) for _ in range(TRIES)), TRY_SWEEPS)[0]


def _regrown(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.descent import descended
    from search.hopping import with_random_products
    from search.strategy import Stop

    more = int(rng.integers(1, MOST_ADDED + 1))
    grown = _best(problem, (with_random_products(here, more, rng) for _ in range(TRIES)), TRY_SWEEPS)[0]
    return descended(problem, _swept(problem, grown, SWEEPS), 1.0, rng, Stop())[0]


def _best(problem: Problem, starts: Iterable[Factors], sweeps: int, number: int = 1) -> list[Factors]:
    """Of what so many sweeps lead to, so many, the best first."""
    return _ranked(problem, (_swept(problem, start, sweeps) for start in starts))[:number]


def _ranked(problem: Problem, points: Iterable[Factors]) -> list[Factors]:
    return sorted(points, key=problem.objective().value)


def _swept(problem: Problem, start: Factors, sweeps: int) -> Factors:
    from search.als import alternating_least_squares

    return alternating_least_squares(problem.objective(), start, sweeps)
