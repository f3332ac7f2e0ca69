"""Every Levenberg–Marquardt model: its value is a sum of squares, its step solves the damped normal equations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.numerics.cp_model import CPModel
from search.numerics.invariant_model import InvariantModel
from search.numerics.levenberg_marquardt import Point, last, levenberg_marquardt
from search.numerics.normal_equations import NormalEquations
from search.numerics.objective import Factors, Objective
from search.stop import Stop
from search.symmetric.invariant_form import Structure
from stl_algebra import Format
from tests.search.conftest import gaussian_factors

PENALTY = 0.1


Case = tuple[CPModel | InvariantModel, Point, Callable[[Point], Factors]]


def _cp(n: int, m: int, p: int, rank: int, seed: int) -> Case:
    format = Format(n, m, p)
    return CPModel(Objective(format, PENALTY)), gaussian_factors(format, rank, seed), lambda x: (x[0], x[1], x[2])


def _invariant(n: int, m: int, p: int, group: str, counts: tuple[int, ...], seed: int) -> Case:
    format = Format(n, m, p)
    model = InvariantModel(Objective(format, PENALTY), Structure(format, group, counts).space)
    return model, (model.space.random_point(np.random.default_rng(seed)),), model.factors


CASES = [
    _cp(2, 2, 2, 7, 0),
    _cp(1, 3, 2, 4, 1),
    _cp(3, 1, 2, 5, 2),
    _cp(2, 3, 4, 6, 3),
    _invariant(2, 2, 2, "Z3", (2, 1), 4),
    _invariant(2, 2, 2, "Z3", (0, 3), 5),
    _invariant(3, 3, 3, "Z3", (3, 2), 6),
    _invariant(3, 3, 3, "Z3xcycle", (1, 1, 0, 1, 0, 1), 7),
    _invariant(2, 2, 2, "Z3xflip", (1, 1, 0, 1, 0, 1, 1), 8),
    _invariant(2, 3, 4, "flip", (2, 1, 1, 0, 1), 9),
    _invariant(2, 3, 2, "transpose", (2, 1), 10),
]


def _residuals(objective: Objective, factors: Factors) -> np.ndarray:
    products = np.einsum("sa,sb,sc->sabc", *factors)
    return np.concatenate([(products.sum(0) - objective.target).ravel(), np.sqrt(PENALTY) * products.ravel()])


@pytest.mark.parametrize("case", CASES)
def test_step_solves_the_damped_normal_equations(case: Case) -> None:
    """Against central differences in the unknowns of the model."""
    model, point, factors = case
    shapes, flat = [x.shape for x in point], np.concatenate([x.ravel() for x in point])

    def unflat(x: np.ndarray) -> Point:
        ends = np.cumsum([int(np.prod(s)) for s in shapes])[:-1]
        return tuple(part.reshape(s) for part, s in zip(np.split(x, ends), shapes, strict=True))

    def residuals(x: np.ndarray) -> np.ndarray:
        return _residuals(model.objective, factors(unflat(x)))

    h = 1e-5
    jacobian = np.stack([(residuals(flat + h * e) - residuals(flat - h * e)) / (2 * h) for e in np.eye(len(flat))], 1)
    linear = model.linearise(point)
    assert linear.value == pytest.approx(np.sum(residuals(flat) ** 2), rel=1e-12)
    assert model.value(point) == pytest.approx(linear.value, rel=1e-12)
    for damping in (0.03, 2.0):
        system = jacobian.T @ jacobian + damping * np.eye(len(flat))
        expected = -np.linalg.solve(system, jacobian.T @ residuals(flat))
        step = linear.step(damping)
        assert step is not None
        np.testing.assert_allclose(np.concatenate([d.ravel() for d in step]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_normalising_keeps_the_value(case: Case) -> None:
    model, point, *_ = case
    assert model.value(model.normalise(point)) == pytest.approx(model.value(point), rel=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_normalising_evens_out_the_factors(case: Case) -> None:
    """The factors of a product that share no parameter end with equal norms; none is made more uneven."""
    model, point, factors = case

    def unevenness(x: Point) -> np.ndarray:
        norms = np.array([np.linalg.norm(f, axis=1) for f in factors(x)])
        return np.max(norms, axis=0) / np.min(norms, axis=0)

    before, after = unevenness(point), unevenness(model.normalise(point))
    assert np.all(after <= before * (1 + 1e-9))
    if isinstance(model, CPModel):
        np.testing.assert_allclose(after, 1.0, rtol=1e-9)


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_values_fall_and_the_first_is_the_start(seed: int) -> None:
    model, point, _ = _cp(2, 2, 2, 6, seed)
    iterates = list(levenberg_marquardt(model, point, iterations=30))
    values = [iterate.value for iterate in iterates]
    assert values[0] == pytest.approx(model.value(point), rel=1e-10)
    assert all(b < a for a, b in pairwise(values))
    assert values[-1] == pytest.approx(model.value(iterates[-1].point), rel=1e-10)


def test_strassen_is_found_from_random_starts() -> None:
    model = CPModel(Objective(Format(2, 2, 2), 1e-6))
    reached = [
        last(levenberg_marquardt(model, gaussian_factors(Format(2, 2, 2), 7, seed), iterations=300)).value
        for seed in range(6)
    ]
    assert min(reached) < 1e-3  # of forty starts 39 come there: all six hardly ever fail


def test_stop_ends_it_at_once() -> None:
    model, point, *_ = CASES[0]
    assert len(list(levenberg_marquardt(model, point, iterations=50, stop=Stop(trials=0)))) == 1


def test_no_step_from_a_system_that_is_not_finite() -> None:
    model, point, *_ = _cp(2, 2, 2, 3, 0)
    broken = tuple(np.full_like(x, 1e160) for x in point)
    with np.errstate(all="ignore"):
        assert len(list(levenberg_marquardt(model, broken, iterations=5))) == 1


@pytest.mark.parametrize("damping", [1e-9, 1e-4, 1e-2, 1.0])
def test_a_large_step_in_single_precision_is_as_good_as_in_double(
    damping: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order 512. Flat directions of S apart, which tiny dampings leave open, the steps agree: so does the decrease."""
    model, point, *_ = _cp(4, 4, 4, 16, 0)
    linear = model.linearise(point)
    factored: list[type] = []
    original = NormalEquations._factored
    monkeypatch.setattr(
        NormalEquations,
        "_factored",
        lambda self, lower, damping, precision: factored.append(precision) or original(self, lower, damping, precision),
    )
    single = linear.step(damping)
    monkeypatch.setattr("search.numerics.normal_equations.SINGLE_FROM", 10**6)
    double = linear.step(damping)
    assert factored == [np.float32, np.float64]
    assert single is not None
    assert double is not None
    # −gᵀδ is gᵀ(JᵀJ + λ)⁻¹g, which the solution makes as large as can be.
    decreases = [
        -sum(float(np.vdot(g, d)) for g, d in zip(linear.gradient, step, strict=True)) for step in (single, double)
    ]
    assert decreases[0] == pytest.approx(decreases[1], rel=1e-9)
    if damping > 1e-3:  # below, how far flat directions are followed is left to the rounding of the machine's BLAS
        for x, y in zip(single, double, strict=True):
            np.testing.assert_allclose(x, y, atol=1e-6 * np.abs(y).max())


def test_what_single_precision_cannot_hold_is_done_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    model, point, *_ = _cp(4, 4, 4, 16, 0)
    expected = model.linearise(point).step(0.1)
    monkeypatch.setattr("search.numerics.normal_equations.REFINEMENTS", 0)
    found = model.linearise(point).step(0.1)
    assert found is not None
    assert expected is not None
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6 * np.abs(y).max())
