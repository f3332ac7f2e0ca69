"""Block-sparse and Monarch layers against their definitions."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_bench.baselines.block_sparse import block_sparse
from stl_bench.baselines.monarch import MonarchLinear, monarch


@pytest.fixture
def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(32, 64)


def _weight_of(layer: nn.Module, features: int) -> torch.Tensor:
    return (layer(torch.eye(features)) - layer(torch.zeros(features))).T


def test_block_sparsity_keeps_the_largest_blocks_as_they_are(linear: nn.Linear) -> None:
    kept = _weight_of(block_sparse(linear, 0.5, block=8), 32).reshape(8, 8, 4, 8).transpose(1, 2)
    dense = linear.weight.reshape(8, 8, 4, 8).transpose(1, 2)
    stays = kept.abs().sum(dim=(2, 3)) > 0
    assert stays.sum() == 16
    torch.testing.assert_close(kept[stays], dense[stays], rtol=1e-5, atol=1e-6)
    norms = dense.square().sum(dim=(2, 3))
    assert norms[stays].min() >= norms[~stays].max()


def test_blocks_that_do_not_divide_or_cost_too_much_are_refused() -> None:
    with pytest.raises(InvalidInput, match="30 × 64"):
        block_sparse(nn.Linear(30, 64), 0.5)
    with pytest.raises(InvalidInput, match="pays for no block of 16 × 16; raise it"):
        block_sparse(nn.Linear(16, 16), 0.5)


def test_a_monarch_matrix_is_its_own_projection() -> None:
    torch.manual_seed(0)
    given = MonarchLinear(torch.randn(4, 8, 8), torch.randn(4, 16, 8), None)
    linear = nn.Linear(32, 64, bias=False)
    with torch.no_grad():
        linear.weight.copy_(_weight_of(given, 32))
    # 4 blocks and s = 2 take 4·2·(32 + 64) of 2048 multiplications.
    projected = monarch(linear, 768 / 2048, blocks=4)
    assert projected.first.shape == given.first.shape
    torch.testing.assert_close(_weight_of(projected, 32), linear.weight, rtol=1e-4, atol=1e-4)


def test_the_projection_leaves_what_the_blocks_singular_values_say(linear: nn.Linear) -> None:
    projected = monarch(linear, 0.375, blocks=4)
    each = projected.first.shape[1] // 4
    tiles = linear.weight.reshape(4, 16, 4, 8).transpose(1, 2)
    expected = torch.linalg.svdvals(tiles)[..., each:].square().sum()
    left = (linear.weight - _weight_of(projected, 32)).square().sum()
    torch.testing.assert_close(left, expected, rtol=1e-4, atol=0)


def test_sides_without_a_common_divisor_have_no_monarch_matrix() -> None:
    with pytest.raises(InvalidInput, match="no Monarch"):
        monarch(nn.Linear(31, 64), 0.5)
