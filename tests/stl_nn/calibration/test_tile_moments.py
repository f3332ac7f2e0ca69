"""Moments of tiles from moments of rows, against tiles cut from the data themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from stl_algebra import Format, InvalidInput
from stl_bench.compression.layer_moments import find_linear
from stl_nn.calibration.moments import MomentSums
from stl_nn.calibration.tile_moments import layer_tile_moments


@pytest.mark.parametrize(("format", "features"), [(Format(2, 3, 4), 12), (Format(3, 2, 2), 7)])
def test_they_are_those_of_all_tiles(format: Format, features: int) -> None:
    """Rows of a stationary sequence, so that every offset of a tile has the same moments up to its ends."""
    generator = torch.Generator().manual_seed(0)
    n, m, p = format
    period = torch.randn(n * 5, features, generator=generator) + torch.randn(features, generator=generator)
    rows = period.repeat(2000, 1)  # periodic: averaging over offsets is averaging over the period
    weight = torch.randn(2 * p + 1, features, generator=generator).double()
    sums = MomentSums(features, lags=n)
    sums.add(rows)
    moments = layer_tile_moments(sums.result(), weight, format, "here")
    padded = nn.functional.pad(period.double(), (0, -features % m))
    tiles = torch.stack(
        [
            torch.roll(padded, -offset, 0)[:n].unflatten(1, (-1, m)).transpose(0, 1).reshape(-1, n * m)
            for offset in range(len(period))
        ]
    ).reshape(-1, n * m)
    expected = (tiles.T @ tiles / len(tiles)).numpy()
    np.testing.assert_allclose(moments.second_x, expected / np.trace(expected) * n * m, rtol=2e-3, atol=2e-3)
    scale = np.trace(expected) / (n * m)
    np.testing.assert_allclose(moments.mean_x, tiles.mean(0).numpy() / np.sqrt(scale), rtol=1e-3, atol=1e-3)
    w = nn.functional.pad(weight.T, (0, -weight.shape[0] % p, 0, -features % m)).numpy()
    cut = np.stack([w[i : i + m, j : j + p].ravel() for i in range(0, len(w), m) for j in range(0, w.shape[1], p)])
    second = cut.T @ cut
    np.testing.assert_allclose(moments.second_w / moments.second_w[0, 0], second / second[0, 0], rtol=1e-5, atol=1e-5)
    assert moments.source == "here"


def test_an_unknown_layer_lists_near_names() -> None:
    network = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2), "norm": nn.LayerNorm(2)})
    assert find_linear(network, "first") is network["first"]
    with pytest.raises(InvalidInput, match="no linear layer 'frist'; the nearest names are first"):
        find_linear(network, "frist")
    with pytest.raises(InvalidInput, match="no linear layer 'norm'"):
        find_linear(network, "norm")
