"""Figures of the search: the time of a step of each kind, and of flips."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from search.flip_graph.measure import flips_per_second, seconds_to_rank
from search.local.hopping import random_factors
from search.numerics.als import alternating_least_squares
from search.numerics.cp_model import CPModel
from search.numerics.invariant_model import InvariantModel
from search.numerics.levenberg_marquardt import Model, Point, levenberg_marquardt
from search.problem import Problem
from search.running.one_thread import one_thread
from search.symmetric.invariant_form import Structure, random_form
from stl_algebra import Format, Precision, Ring

#: The problem that steps are timed on.
PROBLEM = Problem(Format(4, 4, 4), 40, Precision.parse("bf16"))


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Parameters
    ----------
    name : str
        The name of the figure.
    value : float or None
        Its value, or None if it could not be measured.
    unit : str
        The unit of the value.
    how : str
        How it was measured, or why it was not.
    at_most : float or None
        The largest value that is asked for, or None.
    at_least : float or None
        The least value that is asked for, or None.
    """

    name: str
    value: float | None
    unit: str
    how: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the value is as it should be; None if nothing is asked of it."""
        if self.value is None or (self.at_most is None and self.at_least is None):
            return None
        return self.value <= (self.at_most or np.inf) and self.value >= (self.at_least or -np.inf)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as plain JSON.

        Returns
        -------
        dict[str, Any]
            The fields by name, and `met`.
        """
        return asdict(self) | {"met": self.met}


Measurement = tuple[str, Callable[[], Figure]]


def measurements(seed: int, *, quick: bool) -> Iterator[Measurement]:
    """List the figures that need no search end to end.

    Parameters
    ----------
    seed : int
        The seed of every random start.
    quick : bool
        Whether a tenth of the steps and three seeds are enough.

    Yields
    ------
    Measurement
        What each figure is called, and what measures it.
    """
    scale = 10 if quick else 1
    yield "Levenberg–Marquardt", partial(lm_iteration, seed, 60 // scale)
    yield "Z3-invariant Levenberg–Marquardt", partial(invariant_iteration, seed, 200 // scale)
    yield "alternating least squares", partial(als_sweeps, seed, 20_000 // scale)
    yield "TensorLy's parafac", partial(parafac_sweeps, seed, 2_000 // scale)
    seeds = range(seed, seed + (3 if quick else 20))
    for ring, at_least, at_most in ((Ring.GF2, 10e6, 0.2), (Ring.Z, None, 2.0)):
        yield f"flips over {_named(ring)}", partial(flips, ring, 20_000_000 // scale, seed, at_least)
        yield f"⟨3,3,3⟩:23 over {_named(ring)}", partial(time_to_23, ring, seeds, at_most)


def lm_iteration(seed: int, iterations: int) -> Figure:
    """Measure an iteration of Levenberg–Marquardt from a random start, accepted or rejected.

    Parameters
    ----------
    seed : int
        The seed of the random start.
    iterations : int
        The number of iterations.

    Returns
    -------
    Figure
        The CPU milliseconds of an iteration.
    """
    start = random_factors(PROBLEM, np.random.default_rng(seed))
    value = _iteration_ms(CPModel(PROBLEM.objective()), start, iterations)
    how = f"mean of {iterations} iterations from a random start, ⟨4,4,4⟩ r=40, CPU time, one thread"
    return Figure("levenberg_marquardt", value, "ms/iteration", how, at_most=25.0)


def invariant_iteration(seed: int, iterations: int) -> Figure:
    """Measure the same for encoders invariant under rotation: 4 products that it fixes, 12 triples.

    Parameters
    ----------
    seed : int
        The seed of the random start.
    iterations : int
        The number of iterations.

    Returns
    -------
    Figure
        The CPU milliseconds of an iteration.
    """
    structure = Structure(PROBLEM.format, "Z3", (12, 4))
    start = random_form(structure, np.random.default_rng(seed)).point
    value = _iteration_ms(InvariantModel(PROBLEM.objective(), structure.space), start, iterations)
    how = (
        f"mean of {iterations} iterations from a random start, ⟨4,4,4⟩ r=40 (12 triples, 4 fixed), CPU time, one thread"
    )
    return Figure("levenberg_marquardt_z3", value, "ms/iteration", how)


def _iteration_ms(model: Model, start: Point, iterations: int) -> float:
    """Measure CPU time, which other processes of the machine do not lengthen; compilation is left out."""
    with one_thread():
        list(levenberg_marquardt(model, start, iterations=2))
        started = time.process_time()
        iterates = list(levenberg_marquardt(model, start, iterations=iterations, tolerance=0.0))
        elapsed = time.process_time() - started
    # The number of the last accepted iterate is the least number of solves.
    return round(1e3 * elapsed / max(iterates[-1].iteration, 1), 3)


def als_sweeps(seed: int, sweeps: int) -> Figure:
    """Measure alternating least squares; a sweep solves for each of the three factors once.

    Parameters
    ----------
    seed : int
        The seed of the random start.
    sweeps : int
        The number of sweeps.

    Returns
    -------
    Figure
        The sweeps a second of CPU time.
    """
    start = random_factors(PROBLEM, np.random.default_rng(seed))
    with one_thread():
        alternating_least_squares(PROBLEM.objective(), start, 2)
        started = time.process_time()
        alternating_least_squares(PROBLEM.objective(), start, sweeps)
        elapsed = time.process_time() - started
    how = f"{sweeps} sweeps from a random start, ⟨4,4,4⟩ r=40, CPU time, one thread"
    return Figure("als", round(sweeps / elapsed), "sweeps/s", how, at_least=8000)


def parafac_sweeps(seed: int, sweeps: int) -> Figure:
    """Measure the same by tensorly.decomposition.parafac, from the same start.

    Parameters
    ----------
    seed : int
        The seed of the random start.
    sweeps : int
        The number of sweeps.

    Returns
    -------
    Figure
        The sweeps a second of CPU time; its value is None if TensorLy is not installed.
    """
    name, unit = "als_tensorly", "sweeps/s"
    if find_spec("tensorly") is None:
        return Figure(name, None, unit, "tensorly is not installed: pip install 'strassen-tile[bench]'")
    from tensorly.cp_tensor import CPTensor
    from tensorly.decomposition import parafac

    target = PROBLEM.objective().target
    factors = [np.ascontiguousarray(f.T) for f in random_factors(PROBLEM, np.random.default_rng(seed))]

    def run(count: int) -> float:
        initial = CPTensor((np.ones(PROBLEM.rank), [f.copy() for f in factors]))
        started = time.process_time()
        parafac(target, PROBLEM.rank, n_iter_max=count, init=initial, tol=0, normalize_factors=False)
        return time.process_time() - started

    with one_thread():
        run(2)
        elapsed = run(sweeps)
    how = (
        f"tensorly {version('tensorly')}, parafac(n_iter_max={sweeps}, tol=0) from the same start, CPU time, one thread"
    )
    return Figure(name, round(sweeps / elapsed), unit, how)


def flips(ring: Ring, count: int, seed: int, at_least: float | None) -> Figure:
    """Measure flips near the lowest rank that a walk from the classical ⟨4,4,4⟩ comes to.

    Parameters
    ----------
    ring : Ring
        The ring of the coefficients.
    count : int
        The number of flips.
    seed : int
        The seed of the random start.
    at_least : float or None
        The speed that is asked for, or None.

    Returns
    -------
    Figure
        The flips a second of CPU time.
    """
    speed = flips_per_second(Format(4, 4, 4), ring, count, seed)
    how = f"{count} flips from the classical ⟨4,4,4⟩ over {_named(ring)}, CPU time, one core"
    return Figure(f"flips_{_key(ring)}", round(speed), "flips/s", how, at_least=at_least)


def time_to_23(ring: Ring, seeds: range, at_most: float) -> Figure:
    """Measure how long walks take until ⟨3,3,3⟩ is at 23 products.

    Parameters
    ----------
    ring : Ring
        The ring of the coefficients.
    seeds : range
        The seeds of the walks.
    at_most : float
        The seconds that are asked for.

    Returns
    -------
    Figure
        The median of their CPU seconds.
    """
    times = [seconds_to_rank(Format(3, 3, 3), 23, ring, seed)[0] for seed in seeds]
    how = f"median of seeds {seeds[0]}–{seeds[-1]}, CPU time after compilation, largest {max(times):.2f} s"
    return Figure(f"rank_23_{_key(ring)}", round(median(times), 4), "s", how, at_most=at_most)


def _named(ring: Ring) -> str:
    return "GF(2)" if ring is Ring.GF2 else "{−1,0,1}"


def _key(ring: Ring) -> str:
    return "gf2" if ring is Ring.GF2 else "ternary"
