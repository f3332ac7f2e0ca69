"""From a start to candidates: staged minimisation, then rounding where the residual vanishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.exact.exact_seeds import in_better_bases
from search.exact.rounding import LARGEST_SNAPPED, round_invariant, round_to_exact
from search.numerics.cp_model import CPModel
from search.numerics.levenberg_marquardt import Model, Point, last, levenberg_marquardt
from search.numerics.objective import Factors, Objective
from search.problem import Problem
from search.stop import Stop
from search.trial import Candidate
from stl_algebra import Format, TileEncoder
from stl_algebra.symmetry import Parametrisation

#: What is said of an encoder in better bases.
LEAST_GROWTH = "of nearly the least growth, multiples of 1/8"
#: ‖R‖² / (n·m·p) under which a minimum is tried as an exact solution.
NEARLY_EXACT = 2e-4
#: The largest linear system that Levenberg–Marquardt solves here: beyond, one step takes seconds and gigabytes.
LARGEST_SYSTEM = 6000


def small_enough(problem: Problem, order: int = 1) -> bool:
    """Return whether the unknowns are few enough for Levenberg–Marquardt.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    order : int
        The order of the symmetry group, which divides the number of unknowns.

    Returns
    -------
    bool
        Whether the linear system of a step is of at most `LARGEST_SYSTEM` unknowns.

    Examples
    --------
    >>> small_enough(Problem(Format(4, 4, 4), 48)), small_enough(Problem(Format(8, 8, 8), 256))
    (True, False)
    """
    whole = unknowns(problem.format, problem.rank)
    return (whole if order == 1 else problem.rank * sum(problem.format.sizes) // order) <= LARGEST_SYSTEM


def unknowns(format: Format, rank: int) -> int:
    """Return the size of the linear system of a step without symmetry: the third factor is eliminated.

    Parameters
    ----------
    format : Format
        The format ⟨n, m, p⟩.
    rank : int
        The number of products r.

    Returns
    -------
    int
        r (n·m + m·p).

    Examples
    --------
    >>> unknowns(Format(4, 4, 4), 40)
    1280
    """
    n, m, p = format
    return rank * (n * m + m * p)


def solve_in_stages(
    model: Callable[[Objective], Model],
    problem: Problem,
    start: Point,
    stop: Stop,
    *,
    penalty_scales: tuple[float, ...],
    iterations: int = 250,
) -> Point:
    """Minimise in stages, with the growth penalised less and less.

    Early stages are short: they only choose the basin.

    Parameters
    ----------
    model : Callable[[Objective], Model]
        Makes the model to minimise from an objective.
    problem : Problem
        What is searched for.
    start : Point
        A point of the model.
    stop : Stop
        When to stop.
    penalty_scales : tuple[float, ...]
        What the penalty on growth is multiplied by in each stage; the last should be 1.
    iterations : int
        The most iterations of the last stage.

    Returns
    -------
    Point
        Where the last stage ended.
    """
    point = start
    for stage, penalty_scale in enumerate(penalty_scales):
        final = stage == len(penalty_scales) - 1
        iterates = levenberg_marquardt(
            model(problem.objective(penalty_scale)),
            point,
            iterations=iterations if final else 60,
            tolerance=3e-4 if final else 3e-3,
            stop=stop,
        )
        point = last(iterates).point
    return point


def penalty_scales_from(problem: Problem, encoder: TileEncoder) -> tuple[float, ...]:
    """Return penalty scales that lead from an encoder made for a coarser precision down to the problem's, by tens.

    Where error falls as growth rises, the optimum at a precision has a residual of about its rounding; an encoder
    whose residual is many times that was made for a coarser one, and is led down in steps.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    encoder : TileEncoder
        Where the minimisation starts.

    Returns
    -------
    tuple[float, ...]
        Powers of ten, falling to 1.

    Examples
    --------
    >>> from stl_algebra import Format, strassen
    >>> penalty_scales_from(Problem(Format(2, 2, 2), 7), strassen())
    (1.0,)
    """
    rounding = problem.error(encoder) - (residual := _residual(problem, encoder))
    steps = int(np.clip(np.ceil(np.log10(max(residual, 1e-300) / max(rounding, 1e-300))), 0, 8))
    return tuple(10.0**k for k in range(steps, -1, -1))


def _residual(problem: Problem, encoder: TileEncoder) -> float:
    """‖R‖² as a part of ‖T‖², under the weights where there are any."""
    exact = replace(problem.objective(), penalty=0.0)
    return exact.error(problem.factors(encoder))


def refined(
    problem: Problem,
    factors: Point,
    rng: np.random.Generator,
    stop: Stop,
    details: dict[str, Any],
    invariant: tuple[Parametrisation, NDArray[np.float64]] | None = None,
) -> Iterator[Candidate]:
    """Yield the approximate encoder of some factors and, if they round to an exact one, that too, also in better bases.

    Factors at a point of a space of invariant encoders are rounded there first: there are fewer entries.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    factors : Point
        u (r, n·m), v (r, m·p) and w (r, n·p), in the coordinates of the objective.
    rng : numpy.random.Generator
        All chance comes from this.
    stop : Stop
        When to stop.
    details : dict[str, Any]
        What the candidates say of how they were made.
    invariant : tuple[Parametrisation, ndarray], optional
        The space of invariant encoders, and the point in it that the factors are of.

    Yields
    ------
    Candidate
        One candidate, or three if the factors round to an exact encoder.
    """
    u, v, w = factors
    encoder = problem.encoder((u, v, w))
    yield Candidate(encoder, details)
    if encoder.relative_error < NEARLY_EXACT:
        exact = None if invariant is None else round_invariant(*invariant, rng, stop)
        # What is too large to be snapped has been looked at in bases of its own already.
        if exact is None and (invariant is None or sum(f.size for f in factors) <= LARGEST_SNAPPED) and not stop():
            exact = _rounded(problem, encoder.factors, rng, stop)
        if exact is not None:
            yield Candidate(exact, {**details, "rounded": True})
            yield Candidate(in_better_bases(exact), {**details, "rounded": True, "bases": LEAST_GROWTH})


def _rounded(problem: Problem, factors: Factors, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
    """Two tries: the order of snapping is random, and a solution can be reached by one order and not another."""
    relaxed = Objective(problem.format, min(problem.objective().penalty, 1e-7))
    solution = last(
        levenberg_marquardt(CPModel(relaxed), factors, iterations=60, tolerance=1e-2, stop=stop, damping=1e-2)
    ).point
    u, v, w = solution
    for _ in range(2):
        exact = round_to_exact(problem.format, (u, v, w), rng, stop)
        stop.worked()
        if exact is not None or stop():
            return exact
    return None
