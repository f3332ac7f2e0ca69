"""SparseGPT-style pruning against the optimal-brain-surgeon update it is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_bench.baselines import sparsegpt
from stl_bench.baselines.pruning24 import wanda24
from stl_bench.baselines.sparsegpt import inverse_factor, sparsegpt24
from stl_nn.calibration import InputMoments, MomentSums


def _case(features: int = 16, seed: int = 0) -> tuple[nn.Linear, torch.Tensor, InputMoments]:
    torch.manual_seed(seed)
    x = torch.randn(500, features) @ (torch.randn(features, features) * 0.4 + torch.eye(features))
    sums = MomentSums(features, 1)
    sums.add(x)
    return nn.Linear(features, 8), x, sums.result()


def test_two_of_four_are_zero_and_the_error_falls_below_wandas() -> None:
    ratios = []
    for seed in range(10):
        linear, x, moments = _case(seed=seed)
        pruned = sparsegpt24(linear, moments)
        assert ((pruned.weight.reshape(-1, 4) != 0).sum(dim=1) == 2).all()
        ours, theirs = ((layer(x) - linear(x)).square().sum().item() for layer in (pruned, wanda24(linear, moments)))
        ratios.append(ours / theirs)
    assert sum(ratios) / len(ratios) < 0.8  # .62 over twenty seeds, from .36 to .93


def test_the_last_four_columns_follow_the_optimal_brain_surgeon() -> None:
    # With four inputs there is one group: pruning its columns in turn must leave the least-squares
    # solution for the columns that come after each, computed here by elimination from the Hessian.
    linear, _, moments = _case(4)
    pruned = sparsegpt24(linear, moments, damping=0.0).weight.detach().double()
    hessian = moments.second + 1e-12 * torch.eye(4)
    for row, original in zip(pruned, linear.weight.detach().double(), strict=True):
        current = original.clone()
        for j in range(4):
            if row[j] != 0:
                continue
            inverse = torch.zeros(4, 4, dtype=torch.float64)
            inverse[j:, j:] = torch.linalg.inv(hessian[j:, j:])
            current -= current[j] / inverse[j, j] * inverse[:, j]
        torch.testing.assert_close(row, current, rtol=1e-4, atol=1e-5)


def test_blocks_of_columns_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    linear, _, moments = _case(24)
    at_once = sparsegpt24(linear, moments).weight
    monkeypatch.setattr(sparsegpt, "BLOCK", 8)
    torch.testing.assert_close(sparsegpt24(linear, moments).weight, at_once)


def test_the_factor_is_that_of_the_inverse() -> None:
    _, _, moments = _case()
    upper = inverse_factor(moments.second, 0.0)
    assert torch.equal(upper, upper.triu())
    torch.testing.assert_close(upper.T @ upper @ moments.second, torch.eye(16, dtype=torch.float64))
