"""Alternating least squares, and the cost of dropping a product."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.local.rank_reduction import drop_costs
from search.numerics.als import alternating_least_squares
from search.numerics.objective import Factors, Objective
from stl_algebra import Format, TileMoments, classical
from tests.search.conftest import gaussian_factors, skewed_moments

sizes = st.integers(1, 3)


@settings(max_examples=25)
@given(n=sizes, m=sizes, p=sizes, rank=st.integers(1, 8), seed=st.integers(0, 10**6), weighted=st.booleans())
def test_sweeps_never_raise_the_objective(n: int, m: int, p: int, rank: int, seed: int, weighted: bool) -> None:
    format = Format(n, m, p)
    objective = Objective(format, 1e-3, skewed_moments(format, seed) if weighted else None)
    factors = gaussian_factors(objective.format, rank, seed)
    values = [objective.value(factors)]
    for _ in range(5):
        factors = alternating_least_squares(objective, factors, 1)
        values.append(objective.value(factors))
    assert all(b <= a * (1 + 1e-6) + 1e-9 for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e200])
def test_factors_whose_products_vanish_or_overflow_stay_as_they_are(size: float) -> None:
    format = Format(2, 2, 2)
    start: Factors = tuple(size * factor for factor in gaussian_factors(format, 4, 0))  # type: ignore[assignment]
    for before, after in zip(start, alternating_least_squares(Objective(format, 1e-3), start, 3), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("weights", [None, skewed_moments(Format(2, 3, 2))], ids=["white", "weighted"])
def test_one_sweep_is_three_least_squares_solutions(weights: TileMoments | None) -> None:
    """Against dense least squares with the growth as further residuals."""
    objective = Objective(Format(2, 3, 2), 0.05, weights)
    u, v, w = gaussian_factors(objective.format, 5, 0)
    expected = [u, v, w]
    for mode in range(3):
        first, second = (expected[k] for k in range(3) if k != mode)
        design = np.einsum("sb,sc->bcs", first, second).reshape(-1, 5)
        norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        right = np.moveaxis(objective.target, mode, 2).reshape(-1, objective.target.shape[mode])
        stacked = np.concatenate([design, np.sqrt(0.05) * np.diag(norms)])
        padded = np.concatenate([right, np.zeros((5, right.shape[1]))])
        expected[mode] = np.linalg.lstsq(stacked, padded, rcond=None)[0]
    for found, solution in zip(alternating_least_squares(objective, (u, v, w), 1), expected, strict=True):
        np.testing.assert_allclose(found, solution, rtol=1e-6, atol=1e-8)


def test_the_start_is_left_alone() -> None:
    factors = gaussian_factors(Format(2, 2, 2), 4, 1)
    before = [f.copy() for f in factors]
    alternating_least_squares(Objective(Format(2, 2, 2), 0.0), factors, 2)
    for factor, copy in zip(factors, before, strict=True):
        np.testing.assert_array_equal(factor, copy)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_drop_costs_are_what_refitting_the_cheapest_factor_adds(mode: int) -> None:
    """At a least-squares solution in one factor the formula is exact for that factor, so the least is no more."""
    objective = Objective(Format(2, 2, 2), 0.0)
    factors = list(gaussian_factors(objective.format, 6, 3))

    def refitted(parts: list[np.ndarray]) -> Factors:
        first, second = (parts[k] for k in range(3) if k != mode)
        design = np.einsum("sb,sc->bcs", first, second).reshape(-1, len(first))
        right = np.moveaxis(objective.target, mode, 2).reshape(-1, objective.target.shape[mode])
        solved = list(parts)
        solved[mode] = np.linalg.lstsq(design, right, rcond=None)[0]
        return solved[0], solved[1], solved[2]

    solution = refitted(factors)
    base = objective.value(solution)
    costs = drop_costs(solution)
    for product in range(6):
        added = objective.value(refitted([np.delete(f, product, axis=0) for f in solution])) - base
        assert costs[product] <= added + 1e-8


def test_every_product_of_the_classical_algorithm_costs_one() -> None:
    np.testing.assert_allclose(drop_costs(classical(Format(2, 3, 2)).factors), 1.0)
