"""Border-rank families: their order of approximation, and the best ε at a precision."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra import PRECISIONS, InvalidInput
from stl_algebra.schemes import EpsilonFamily, bini, schonhage

FAMILIES = [bini(), schonhage()]


@pytest.mark.parametrize("family", FAMILIES, ids=["bini", "schonhage"])
def test_the_residual_is_of_first_order(family: EpsilonFamily) -> None:
    errors = [family.at(epsilon).relative_error for epsilon in (2e-2, 1e-2, 5e-3)]
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    assert ratios == pytest.approx([4, 4], rel=0.05)  # ‖R‖² ∝ ε²
    assert family.at(1e-4).relative_error < 1e-6


def test_ranks_lie_below_the_exact_ones() -> None:
    assert [family.rank for family in FAMILIES] == [10, 21]
    assert [tuple(family.format) for family in FAMILIES] == [(3, 2, 2), (3, 3, 3)]


@pytest.mark.parametrize("family", FAMILIES, ids=["bini", "schonhage"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_epsilon_of_a_fine_grid_is_better(family: EpsilonFamily, precision: str) -> None:
    best = family.best(precision).error_at(precision)
    others = [family.at(epsilon).error_at(precision) for epsilon in np.geomspace(1e-4, 1, 400)]
    assert best <= min(others) * (1 + 1e-9)


def test_bini_at_its_best_epsilon_balances_two_power_laws() -> None:
    """With error a ε² and rounding 2δ² b ε⁻² / 12, the least sum is 2 √(a · 2δ² b / 12), to leading order."""
    family, precision = bini(), PRECISIONS["fp32"]
    small = family.at(1e-3)
    a, b = small.relative_error * 1e6, small.growth * 1e-6
    predicted = 2 * np.sqrt(a * 2 * precision.rounding**2 * b / 12)
    assert family.best(precision).error_at(precision) == pytest.approx(predicted, rel=0.01)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), float("inf")])
def test_epsilon_is_positive(epsilon: float) -> None:
    with pytest.raises(InvalidInput, match=r"epsilon .* is not a positive number"):
        bini().at(epsilon)
