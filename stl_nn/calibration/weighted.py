"""The best encoder for second moments: encoders of a layer's own, from nothing but the moments of its tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from search.running.one_thread import one_thread
from stl_algebra import Precision, TileEncoder
from stl_nn.calibration.tile_system import TileSystem

if TYPE_CHECKING:
    from search.numerics.objective import Factors
    from search.problem import Problem

#: Sweeps of alternating least squares after which starts are ranked, and that lead to a minimum. (Levenberg–Marquardt
#: gets nearer to each minimum in four times as long; a better minimum is worth more.)
SCREENING_SWEEPS, SWEEPS = 100, 1000
#: The number of starts that are taken to a minimum, and of minima that are taken further.
FIELD, SURVIVORS = 6, 2
#: Each move is tried TRIES times; the best after TRY_SWEEPS sweeps is minimised.
TRIES, TRY_SWEEPS = 10, 200
#: Random products that are added at most, before as many are dropped.
MOST_ADDED = 3
#: Above this number of unknowns the best of the starts is minimised and nothing is moved.
LARGEST_MOVED = 2500


def weighted_encoders(
    system: TileSystem, starts: Sequence[TileEncoder], moves: int = 0, seed: int = 0
) -> list[TileEncoder]:
    """The encoders of least expected output error in bfloat16 for tiles with the second moments of a layer, best first.

    The best of the starts are minimised. Then moves are tried from the best minimum: products replaced by random ones,
    or random ones added and as many dropped. What one tile of the inner dimension has to do with another is left out
    here, and made up for by the refit. An exact encoder that comes first is returned as it is.

    Parameters
    ----------
    system : TileSystem
        The layer's least-squares problem.
    starts : sequence of TileEncoder
        Encoders to start from, all of one rank.
    moves : int
        The number of moves.
    seed : int
        Of the moves.

    Returns
    -------
    list of TileEncoder
        Encoders, the best first.

    Notes
    -----
    Minimised is ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² / ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) T‖², plus what rounding to bfloat16 adds, because an
    encoder that only float32 can hold is of no use. Σ_X and Σ_W are the mean second moments of the tiles of X and W.
    `search` has the minimisation and the moves.

    Examples
    --------
    >>> import torch; from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> sums.add(torch.randn(50, 4))
    >>> system = TileSystem.of(strassen().format, sums.result(), torch.eye(4))
    >>> weighted_encoders(system, [strassen()], moves=3) == [strassen()]
    True
    """
    from search.local.refinement import unknowns

    if (problem := _problem(system, starts[0])) is None:
        return [starts[0]]
    points, rng = list(map(problem.factors, starts)), np.random.default_rng(seed)
    with one_thread():  # matrices of a few kilobytes to a few megabytes
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
    """The best encoder after some sweeps of alternating least squares.

    That is soon good enough to compare ranks by. An exact encoder that comes first is returned as it is.

    Parameters
    ----------
    system : TileSystem
        The layer's least-squares problem.
    starts : sequence of TileEncoder
        Encoders to start from, all of one rank.
    sweeps : int
        The number of sweeps.

    Returns
    -------
    TileEncoder
        The encoder.
    """
    problem = _problem(system, starts[0])
    if problem is None:
        return starts[0]
    with one_thread():
        return problem.encoder(_best(problem, map(problem.factors, starts), sweeps)[0])


def _problem(system: TileSystem, encoder: TileEncoder) -> Problem | None:
    """The search for encoders like this one for a layer; None if nothing is left to gain."""
    from search.problem import Problem

    if encoder.ring.is_exact_for_reals or not system.energy > 0 or (moments := system.tile_moments) is None:
        return None
    return Problem(encoder.format, encoder.rank, Precision.parse("bf16"), weights=moments)


def _hopped(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.local.hopping import hopped_factors

    return _best(problem, (hopped_factors(here, rng) for _ in range(TRIES)), TRY_SWEEPS)[0]


def _regrown(problem: Problem, here: Factors, rng: np.random.Generator) -> Factors:
    from search.local.hopping import with_random_products
    from search.local.rank_reduction import rank_reduced
    from search.stop import Stop

    more = int(rng.integers(1, MOST_ADDED + 1))
    grown = _best(problem, (with_random_products(here, more, rng) for _ in range(TRIES)), TRY_SWEEPS)[0]
    return rank_reduced(problem, _swept(problem, grown, SWEEPS), 1.0, rng, Stop())[0]


def _best(problem: Problem, starts: Iterable[Factors], sweeps: int, number: int = 1) -> list[Factors]:
    """The best points after some sweeps from each start, the best first."""
    return _ranked(problem, (_swept(problem, start, sweeps) for start in starts))[:number]


def _ranked(problem: Problem, points: Iterable[Factors]) -> list[Factors]:
    return sorted(points, key=problem.objective().value)


def _swept(problem: Problem, start: Factors, sweeps: int) -> Factors:
    from search.numerics.als import alternating_least_squares

    return alternating_least_squares(problem.objective(), start, sweeps)
