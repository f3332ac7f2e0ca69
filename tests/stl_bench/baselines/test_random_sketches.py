"""The sampling baselines are unbiased, and their variance is the one of their theorems."""

from __future__ import annotations

import torch
from torch import nn

from stl_bench.baselines.column_row import column_row_sampling
from stl_bench.baselines.count_sketch import count_sketch
from stl_nn.calibration import MomentSums


def test_column_row_sampling_is_unbiased_with_the_variance_of_lemma_4() -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 12) * torch.linspace(0.1, 2, 12)
    linear = nn.Linear(12, 5, bias=False)
    sums = MomentSums(12, 1)
    sums.add(x)
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [column_row_sampling(linear, 0.5, sums.result(), generator)(x).detach() for _ in range(4000)]
    ).double()
    y = linear(x).detach().double()
    assert ((draws.mean(dim=0) - y).norm() / y.norm()).item() < 0.05
    # E‖Y − Ŷ‖² = ((Σ_j ‖x_j‖‖w_j‖)² − ‖Y‖²) / c
    importance = x.norm(dim=0) * linear.weight.detach().norm(dim=0)
    expected = (importance.sum().square() - y.square().sum()) / 6
    found = (draws - y).square().sum(dim=(1, 2)).mean()
    assert abs(found / expected - 1).item() < 0.1


def test_the_sketch_multiplies_through_the_same_signed_buckets() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(10, 4), torch.randn(3, 10)
    sketched = count_sketch(linear, 0.5, torch.Generator().manual_seed(1))
    s = torch.zeros(10, 5)
    s[torch.arange(10), sketched.bucket] = sketched.sign
    torch.testing.assert_close(sketched(x), x @ s @ (s.T @ linear.weight.T) + linear.bias)


def test_the_sketch_is_unbiased() -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(8, 3), torch.randn(5, 8)
    generator = torch.Generator().manual_seed(0)
    mean = sum(count_sketch(linear, 0.5, generator)(x).detach() for _ in range(3000)) / 3000
    assert ((mean - linear(x)).norm() / linear(x).norm()).item() < 0.1
