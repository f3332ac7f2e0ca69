"""Normal equations solved with a factor in single precision have the solution of double precision."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.calibration import ridged_solve
from stl_nn.calibration.ridge import ridge_of
from stl_nn.calibration.ridged_solve import Semidefinite, ridged_solution


def _gram(unknowns: int, rows: int, decades: float, seed: int = 0) -> Tensor:
    """A positive semidefinite matrix of rank at most `rows`, its entries over so many orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, unknowns, dtype=torch.float64, generator=generator)
    inputs = inputs * torch.logspace(0, -decades, unknowns, dtype=torch.float64)
    return inputs.T @ inputs / rows


@dataclass(frozen=True)
class Held:
    """A matrix that is held, as one to be solved with."""

    matrix: Tensor

    def diagonal(self) -> Tensor:
        return self.matrix.diagonal()

    def times(self, x: Tensor) -> Tensor:
        return self.matrix @ x

    def upper(self, dtype: torch.dtype) -> Tensor:
        anything = torch.full_like(self.matrix, float("nan")).tril(-1)
        return (self.matrix.triu() + anything).to(dtype)


def _expected(normal: Tensor, right: Tensor, prior: Tensor | None, ridge: float) -> Tensor:
    weight = ridge_of(normal.diagonal(), ridge)
    pulled = right if prior is None else right + weight[:, None] * prior
    return torch.linalg.solve(normal + torch.diag(weight), pulled)


@given(
    unknowns=st.integers(1, 40),
    rows=st.integers(1, 60),
    decades=st.floats(0, 4),
    with_prior=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_the_solution(unknowns: int, rows: int, decades: float, with_prior: bool, seed: int) -> None:
    normal = _gram(unknowns, rows, decades, seed)
    right = normal @ torch.randn(unknowns, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    prior = torch.ones(unknowns, 3, dtype=torch.float64) if with_prior else None
    expected = _expected(normal, right, prior, 1e-4)
    solution, image = ridged_solution(Held(normal), right, prior, 1e-4)
    torch.testing.assert_close(image, normal @ solution)
    wrong, change = solution - expected, expected if prior is None else expected - prior
    ridged = normal + torch.diag(ridge_of(normal.diagonal(), 1e-4))
    least = ridged_solve.TOLERANCE**2 * torch.sum(change * (ridged @ change), dim=0)
    assert bool((torch.sum(wrong * (ridged @ wrong), dim=0) <= least + 1e-18).all())


@pytest.mark.parametrize("broken", [None, float("nan"), "noise"])
def test_a_single_precision_factor_that_is_of_no_use_is_made_anew(
    monkeypatch: pytest.MonkeyPatch, broken: str | float | None
) -> None:
    make, tried = ridged_solve._factor, []

    def factor(normal: Semidefinite, diagonal: Tensor, dtype: torch.dtype) -> Tensor | None:
        tried.append(dtype)
        if dtype == torch.float64:
            return make(normal, diagonal, dtype)
        shape = 2 * diagonal.shape
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).tril()
        return None if broken is None else noise if broken == "noise" else torch.full(shape, broken)

    monkeypatch.setattr(ridged_solve, "_factor", factor)
    monkeypatch.setattr(ridged_solve, "MOST_STEPS", 2)  # any factor will do in as many steps as there are unknowns
    normal = _gram(12, 30, 1)
    right = torch.randn(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    solution, _ = ridged_solution(Held(normal), right, None, 1e-4)
    assert tried == [torch.float32, torch.float64]
    torch.testing.assert_close(solution, _expected(normal, right, None, 1e-4))


def test_a_slightly_indefinite_matrix_is_raised_until_it_is_not() -> None:
    normal = torch.eye(6, dtype=torch.float64)
    normal[0, 1] = normal[1, 0] = 1.001
    solution, image = ridged_solution(Held(normal), torch.ones(6, 2, dtype=torch.float64), None, 1e-4)
    assert bool(torch.isfinite(solution).all())
    torch.testing.assert_close(image, normal @ solution)


def test_a_diagonal_that_rounding_left_below_zero_is_raised_above_it() -> None:
    normal = torch.diag(torch.tensor([1.0, -1e-3, 1.0], dtype=torch.float64))
    solution, image = ridged_solution(Held(normal), torch.ones(3, 1, dtype=torch.float64), None, 1e-4)
    assert bool(torch.isfinite(solution).all())
    torch.testing.assert_close(image, normal @ solution)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1e9])
def test_what_no_ridge_mends_is_refused(wrong: float) -> None:
    normal = torch.eye(3, dtype=torch.float64)
    normal[1, 1] = wrong
    with pytest.raises(InvalidInput, match=r"3 unknowns have no solution.*gather them anew"):
        ridged_solution(Held(normal), torch.ones(3, 1, dtype=torch.float64), None, 1e-4)


def test_without_a_right_side_nothing_is_solved() -> None:
    solution, image = ridged_solution(Held(_gram(5, 9, 1)), torch.zeros(5, 2, dtype=torch.float64), None, 1e-4)
    assert not solution.any()
    assert not image.any()
