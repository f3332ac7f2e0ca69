"""Moments against their definition, as a stream, shared between layers that see the same input."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from stl_algebra import InvalidInput
from stl_nn.calibration import MomentSums, gather_moments


def test_moments_are_the_definition_whatever_the_batches() -> None:
    torch.manual_seed(0)
    sequences = [torch.randn(9, 5) + 1, torch.randn(4, 5)]
    sums = MomentSums(5, 3)
    for sequence in sequences:
        sums.add(sequence)
    found = sums.result()
    assert found.count == 13
    torch.testing.assert_close(found.mean, torch.cat(sequences).double().mean(dim=0))
    for lag in range(3):
        pairs = [torch.outer(s[t], s[t + lag]).double() for s in sequences for t in range(len(s) - lag)]
        torch.testing.assert_close(found.lagged[lag], torch.stack(pairs).mean(dim=0), rtol=1e-5, atol=1e-6)


def test_tile_moments_are_those_of_tiles_at_every_offset() -> None:
    torch.manual_seed(0)
    x = torch.randn(5000, 3).cumsum(dim=0) * 0.01 + torch.randn(5000, 3)
    sums = MomentSums(3, 2)
    sums.add(x)
    tiles = torch.stack([x[:-1], x[1:]], dim=1).reshape(-1, 6).double()
    by_hand = (tiles.T @ tiles / len(tiles)).reshape(2, 3, 2, 3)
    torch.testing.assert_close(sums.result().tile_moments(2), by_hand, rtol=2e-3, atol=2e-3)


def test_centring_and_mapping_are_those_of_the_mapped_rows() -> None:
    torch.manual_seed(0)
    x, scale, order = torch.randn(50, 4) + 2, torch.rand(4).double() + 0.5, torch.tensor([2, 0, 3, 1])
    sums, mapped = MomentSums(4, 1), MomentSums(4, 1)
    sums.add(x)
    mapped.add(((x - x.mean(dim=0)) * scale)[:, order])
    torch.testing.assert_close(
        sums.result().centred().mapped(scale, order).second, mapped.result().second, rtol=1e-4, atol=1e-5
    )


def test_too_few_lags_for_a_tile_are_refused() -> None:
    sums = MomentSums(2, 1)
    sums.add(torch.ones(3, 2))
    with pytest.raises(InvalidInput, match="tiles of 4 rows"):
        sums.result().tile_moments(4)


def test_layers_that_share_an_input_share_its_moments() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.out(self.q(x) + self.k(x))
            return y

    model = Branches()
    found = gather_moments({"q": model.q, "k": model.k, "out": model.out}, [torch.randn(6, 4)] * 3, model)
    assert found["q"] is found["k"]
    assert found["out"] is not found["q"]
    assert found["q"].count == found["out"].count == 18


def test_nothing_and_nan_are_refused_and_leave_no_hooks() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(InvalidInput, match="yields nothing"):
        gather_moments({"head": layer}, [], layer)
    with pytest.raises(InvalidInput, match="NaN"):
        gather_moments({"head": layer}, [torch.full((1, 2), torch.nan)], layer)
    assert not layer._forward_pre_hooks
