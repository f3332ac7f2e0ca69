"""Batches in torch against one point at a time in numba and LAPACK."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from search.numerics.als import alternating_least_squares
from search.numerics.cp_model import CPModel
from search.numerics.levenberg_marquardt import last, levenberg_marquardt
from search.numerics.objective import Factors, Objective
from search.problem import Problem
from search.running.exploration import explore
from search.stop import Stop
from search.strategies.batch import BatchSearch
from stl_algebra import Format, InvalidInput, balance_factors
from tests.search.conftest import gaussian_factors, skewed_moments

torch = pytest.importorskip("torch")

from search.numerics.batched.als import batched_als  # noqa: E402
from search.numerics.batched.levenberg_marquardt import batched_levenberg_marquardt, damped_step  # noqa: E402
from search.numerics.batched.objective import BatchedObjective, from_device, to_device  # noqa: E402

CASES = [
    Objective(Format(2, 2, 2), 0.1),
    Objective(Format(1, 3, 2), 1e-3),
    Objective(Format(2, 3, 4), 0.01),
    Objective(Format(2, 2, 3), 0.05, skewed_moments(Format(2, 2, 3))),
]


def _starts(objective: Objective) -> list[Factors]:
    return [balance_factors(*gaussian_factors(objective.format, 5, seed)) for seed in range(4)]


@pytest.mark.parametrize("objective", CASES)
def test_values_and_gradients_are_those_of_each(objective: Objective) -> None:
    batched, starts = BatchedObjective.of(objective, "cpu"), _starts(objective)
    batch = to_device(starts, "cpu")
    expected = [objective.value_and_gradient(start) for start in starts]
    np.testing.assert_allclose(batched.value(batch).numpy(), [value for value, _ in expected], rtol=1e-12)
    for found, (_, gradient) in zip(from_device(batched.gradient(batch)), expected, strict=True):
        for x, y in zip(found, gradient, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("objective", CASES)
def test_sweeps_are_those_of_each(objective: Objective) -> None:
    starts = _starts(objective)
    batch = batched_als(BatchedObjective.of(objective, "cpu"), to_device(starts, "cpu"), 5)
    for found, start in zip(from_device(batch), starts, strict=True):
        for x, y in zip(found, alternating_least_squares(objective, start, 5), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("objective", CASES)
def test_steps_are_those_of_each(objective: Objective) -> None:
    batched, starts = BatchedObjective.of(objective, "cpu"), _starts(objective)
    batch, dampings = to_device(starts, "cpu"), [1e-3, 0.1, 1.0, 30.0]
    steps = from_device(damped_step(batched, batch, batched.gradient(batch), torch.tensor(dampings).double()))
    for found, start, damping in zip(steps, starts, dampings, strict=True):
        expected = CPModel(objective).linearise(start).step(damping)
        assert expected is not None
        for x, y in zip(found, expected, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("objective", CASES)
def test_minimising_goes_the_same_way(objective: Objective) -> None:
    """From every iterate of each: longer ways part in time, as rounding grows from step to step."""
    for start in _starts(objective):
        model = CPModel(objective)
        way = [i.point for i in levenberg_marquardt(model, start, iterations=12, tolerance=0.0)]
        points = [(u, v, w) for u, v, w in way]
        batch, values = batched_levenberg_marquardt(BatchedObjective.of(objective, "cpu"), to_device(points, "cpu"), 2)
        for factors, value, point in zip(from_device(batch), values.tolist(), points, strict=True):
            expected = last(levenberg_marquardt(model, point, iterations=2, tolerance=0.0))
            assert value == pytest.approx(expected.value, rel=1e-6)
            assert objective.value(factors) == pytest.approx(value, rel=1e-9)


def test_one_broken_point_leaves_the_others() -> None:
    objective = CASES[0]
    good, bad = _starts(objective)[:2]
    broken = tuple(np.full_like(f, 1e200) for f in bad)
    batch = to_device([good, (broken[0], broken[1], broken[2])], "cpu")
    alone = to_device([good], "cpu")
    _, values = batched_levenberg_marquardt(BatchedObjective.of(objective, "cpu"), batch, 8)
    _, expected = batched_levenberg_marquardt(BatchedObjective.of(objective, "cpu"), alone, 8)
    assert float(values[0]) == pytest.approx(float(expected[0]), rel=1e-9)


def test_strassen_is_found() -> None:
    search = explore(BatchSearch(), Problem(Format(2, 2, 2), 7), np.random.default_rng(0), Stop(trials=100))
    found = next(candidate for candidate in search if candidate.encoder.exact)
    assert found.details["batch"] > 1


def test_missing_torch_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InvalidInput, match=r"strategy batch needs torch; .*strassen-tile\[nn\]"):
        next(explore(BatchSearch(), Problem(Format(2, 2, 2), 7), np.random.default_rng(0), Stop(trials=1)))
