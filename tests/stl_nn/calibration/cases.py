"""Inputs with structure, as networks make them: means, uneven channels, correlation along channels and rows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stl_algebra import Format, TileEncoder, strassen
from stl_nn.calibration import InputMoments, MomentSums


def inputs(rows: int, features: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(features, features, generator=torch.Generator().manual_seed(99)) / features**0.5
    x = torch.randn(rows + 1, features, generator=generator) @ (mixing + torch.eye(features))
    x = x[1:] + 0.5 * x[:-1]
    return x * torch.linspace(0.2, 2, features) + torch.linspace(-1, 1, features)


def moments_of(x: Tensor, lags: int) -> InputMoments:
    sums = MomentSums(x.shape[1], lags)
    sums.add(x)
    return sums.result()


def truncated_strassen() -> TileEncoder:
    """Strassen's encoder without its last product, decoded by least squares: rank 6, error 1/8."""
    full = strassen()
    x, w = full.encode_x[:6], full.encode_w[:6]
    products = np.einsum("sa,sb->sab", x, w).reshape(6, -1)
    target = np.einsum("sa,sb,cs->cab", full.encode_x, full.encode_w, full.decode).reshape(4, -1)
    decode = np.linalg.lstsq(products.T, target.T, rcond=None)[0].T
    return TileEncoder(Format(2, 2, 2), x, w, decode)


def row_encoder(rank: int, seed: int = 0) -> TileEncoder:
    """A random encoder of ⟨1,2,2⟩, whose tiles are single rows: its moments need no lags."""
    rng = np.random.default_rng(seed)
    return TileEncoder(
        Format(1, 2, 2), rng.normal(size=(rank, 2)), rng.normal(size=(rank, 4)), rng.normal(size=(2, rank))
    )
