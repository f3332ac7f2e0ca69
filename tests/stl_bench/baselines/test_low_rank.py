"""Low rank: optimal for weights, optimal for outputs, and within its budget."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_bench.baselines.low_rank import activation_aware_svd, rank_at, svd
from stl_nn.calibration import InputMoments, MomentSums


def _inputs(rows: int = 4000) -> torch.Tensor:
    """Rows whose channels differ in size and are correlated."""
    torch.manual_seed(1)
    return torch.randn(rows, 12) * torch.linspace(0.1, 3, 12) @ torch.randn(12, 12) + 1


def _moments(x: torch.Tensor) -> InputMoments:
    sums = MomentSums(x.shape[1], 1)
    sums.add(x)
    return sums.result()


@pytest.fixture
def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(12, 16)


def _weight_of(layer: nn.Module) -> torch.Tensor:
    return (layer(torch.eye(12)) - layer(torch.zeros(12))).T


def test_svd_leaves_exactly_the_smallest_singular_values(linear: nn.Linear) -> None:
    left = linear.weight - _weight_of(svd(linear, 0.5))
    rank = rank_at(12, 16, 0.5)
    expected = torch.linalg.svdvals(linear.weight)[rank:]
    torch.testing.assert_close(torch.linalg.svdvals(left)[: len(expected)], expected, rtol=1e-4, atol=1e-5)


def test_the_bias_stays(linear: nn.Linear) -> None:
    torch.testing.assert_close(svd(linear, 0.5)(torch.zeros(12)), linear.bias)


def test_activation_aware_svd_is_the_best_output_of_its_rank(linear: nn.Linear) -> None:
    x = _inputs()
    y = x @ linear.weight.T
    best = torch.linalg.svdvals(y)[rank_at(12, 16, 0.5) :].square().sum()
    wrong = (x @ _weight_of(activation_aware_svd(linear, 0.5, _moments(x))).T - y).square().sum()
    torch.testing.assert_close(wrong, best, rtol=1e-3, atol=0)
    plain = (x @ _weight_of(svd(linear, 0.5)).T - y).square().sum()
    assert plain > 1.1 * best


def test_inputs_that_do_not_span_are_no_obstacle(linear: nn.Linear) -> None:
    x = torch.zeros(10, 12)
    x[:, 0] = 1
    layer = activation_aware_svd(linear, 0.5, _moments(x))
    torch.testing.assert_close(layer(x), linear(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("shape", "ratio"), [((384, 1536), 0.5), ((384, 384), 0.625), ((7, 1000), 0.9)])
def test_the_rank_is_the_largest_that_the_budget_allows(shape: tuple[int, int], ratio: float) -> None:
    k, n = shape
    rank = rank_at(k, n, ratio)
    assert rank * (k + n) <= ratio * k * n
    assert (rank + 1) * (k + n) > ratio * k * n or rank == min(shape)


def test_a_ratio_too_small_for_rank_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match="does not even pay for rank 1; raise it"):
        rank_at(4, 4, 0.1)
