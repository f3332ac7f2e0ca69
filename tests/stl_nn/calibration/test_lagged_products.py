"""Products at lags by transforms are the plain ones, to the rounding of plain ones."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from stl_nn.calibration import lagged_products as module
from stl_nn.calibration.lagged_products import lagged_products


def _plain(rows: Tensor, lags: int) -> Tensor:
    following = torch.cat([rows, torch.zeros(lags, rows.shape[1], dtype=rows.dtype)])
    return torch.stack([rows.T @ following[lag : lag + len(rows)] for lag in range(lags)])


@given(count=st.integers(1, 80), features=st.integers(1, 5), lags=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_they_are_the_plain_products(count: int, features: int, lags: int, seed: int) -> None:
    rows = torch.randn(count, features, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LEAST_BLOCKS", 0)
        found = lagged_products(rows, lags)
    torch.testing.assert_close(found, _plain(rows, lags), rtol=1e-10, atol=1e-10)


def test_rounding_is_relative_to_the_norms_of_the_channels() -> None:
    # Channels of very different sizes, some with a mean far from zero.
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(4000, 30, generator=generator) * torch.logspace(-3, 3, 30) + torch.logspace(2, -2, 30)
    exact = _plain(rows.double(), 4)
    size = exact[0].diagonal().sqrt()
    wrong = (lagged_products(rows, 4).double() - exact) / size[:, None] / size
    assert float(wrong.abs().max()) < 2e-6


def test_the_rows_are_left_as_they_were() -> None:
    rows = torch.randn(400, 3)
    before = rows.clone()
    lagged_products(rows, 4)
    assert torch.equal(rows, before)
