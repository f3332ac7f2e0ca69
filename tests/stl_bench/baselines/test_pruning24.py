"""2:4 sparsity against its definition."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_bench.baselines.pruning24 import magnitude24, mask24, wanda24
from stl_nn.calibration import MomentSums


def test_two_of_every_four_stay_and_none_that_stays_is_smaller() -> None:
    torch.manual_seed(0)
    score = torch.rand(9, 16)
    mask = mask24(score)
    fours, kept = score.reshape(-1, 4), mask.reshape(-1, 4)
    assert (kept.sum(dim=1) == 2).all()
    for values, keep in zip(fours, kept, strict=True):
        best = max(combinations(range(4), 2), key=lambda pair: values[list(pair)].sum().item())
        assert set(best) == set(keep.nonzero().flatten().tolist())


def test_equal_scores_keep_the_first_two() -> None:
    assert mask24(torch.zeros(1, 4)).tolist() == [[True, True, False, False]]


def test_magnitude_keeps_the_largest_weights_and_the_bias() -> None:
    layer = nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-3.0, 1.0, 0.5, 2.0]]))
    pruned = magnitude24(layer)
    assert pruned.weight.tolist() == [[-3.0, 0.0, 0.0, 2.0]]
    assert torch.equal(pruned.bias, layer.bias)


def test_wanda_weighs_by_the_size_of_the_inputs() -> None:
    layer = nn.Linear(4, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 1.0, 0.5, 2.0]]))
    sums = MomentSums(4, 1)
    sums.add(torch.tensor([[0.1, 1.0, 8.0, 1.0]]))
    assert wanda24(layer, sums.result()).weight.tolist() == [[0.0, 0.0, 0.5, 2.0]]


def test_features_that_are_no_multiple_of_four_are_refused() -> None:
    with pytest.raises(InvalidInput, match="this layer has 6"):
        magnitude24(nn.Linear(6, 2))
