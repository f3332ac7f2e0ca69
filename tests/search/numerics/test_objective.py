"""The objective is the error at a precision, and its gradient is its gradient."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.numerics.objective import Objective
from search.problem import Problem
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, strassen
from tests.search.conftest import gaussian_factors, skewed_moments

sizes = st.integers(1, 3)


@settings(max_examples=25)
@given(n=sizes, m=sizes, p=sizes, rank=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_value_is_the_error_of_the_encoder_at_the_precision(n: int, m: int, p: int, rank: int, seed: int) -> None:
    format = Format(n, m, p)
    u, v, w = gaussian_factors(format, rank, seed)
    encoder = TileEncoder(format, u, v, w.T)
    for precision in ("fp32", "bf16", "fp8-e4m3"):
        assert Objective.at(format, precision).error((u, v, w)) == pytest.approx(encoder.error_at(precision), rel=1e-10)


@settings(max_examples=20)
@given(n=sizes, m=sizes, p=sizes, rank=st.integers(1, 5), seed=st.integers(0, 10**6), weighted=st.booleans())
def test_gradient_is_half_the_derivative(n: int, m: int, p: int, rank: int, seed: int, weighted: bool) -> None:
    format = Format(n, m, p)
    objective = Objective(format, 0.3, skewed_moments(format, seed) if weighted else None)
    factors = gaussian_factors(objective.format, rank, seed)
    direction = gaussian_factors(objective.format, rank, seed + 1)
    value, gradient = objective.value_and_gradient(factors)
    assert value == pytest.approx(objective.value(factors), rel=1e-12)
    step = 1e-5

    def at(t: float) -> float:
        u, v, w = (f + t * d for f, d in zip(factors, direction, strict=True))
        return objective.value((u, v, w))

    slope = (at(step) - at(-step)) / (2 * step)
    expected = 2 * sum(float(np.vdot(g, d)) for g, d in zip(gradient, direction, strict=True))
    assert slope == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_emphasis_multiplies_only_the_growth() -> None:
    encoder = strassen()
    plain, strong = (Objective.at(encoder.format, "bf16", penalty_scale=e).value(encoder.factors) for e in (1.0, 10.0))
    assert strong == pytest.approx(10 * plain, rel=1e-9)


@settings(max_examples=20)
@given(n=sizes, m=sizes, p=sizes, rank=st.integers(1, 6), seed=st.integers(0, 10**6))
def test_weighted_value_is_the_weighted_error(n: int, m: int, p: int, rank: int, seed: int) -> None:
    """And an encoder comes back from the objective's coordinates as it went in."""
    format = Format(n, m, p)
    u, v, w = gaussian_factors(format, rank, seed)
    encoder = TileEncoder(format, u, v, w.T)
    problem = Problem(format, min(rank, format.products), Precision.parse("bf16"), weights=skewed_moments(format, seed))
    factors = problem.factors(encoder)
    assert problem.objective().error(factors) == pytest.approx(problem.error(encoder), rel=1e-6)
    for back, factor in zip(problem.encoder(factors).factors, encoder.factors, strict=True):
        np.testing.assert_allclose(back, factor, rtol=1e-5, atol=1e-5)


def test_weights_of_another_format_are_refused() -> None:
    with pytest.raises(InvalidInput, match="moments of tiles 2x2x3 say nothing of tiles 2x2x2"):
        Problem(Format(2, 2, 2), 7, weights=skewed_moments(Format(2, 2, 3)))
