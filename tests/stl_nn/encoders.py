"""Encoders the tests of the layer share: exact ones, and random ones whose product is worked out by einsum."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stl_algebra import Format, TileEncoder, kronecker, strassen

STRASSEN = strassen()
STRASSEN2 = kronecker(STRASSEN, STRASSEN)


def random_encoder(n: int, m: int, p: int, rank: int, seed: int = 0) -> TileEncoder:
    rng = np.random.default_rng(seed)
    shapes = ((rank, n * m), (rank, m * p), (n * p, rank))
    return TileEncoder(Format(n, m, p), *(rng.standard_normal(shape) / rank**0.5 for shape in shapes))


def product_by_definition(x: Tensor, w: Tensor, encoder: TileEncoder) -> Tensor:
    """Σ_k D((E_X vec X_ik) ∘ (E_W vec W_kj)) tile by tile in float64, as the operator is defined."""
    n, m, p = encoder.format
    rows, inner, columns = (-(-a // b) for a, b in ((x.shape[0], n), (x.shape[1], m), (w.shape[1], p)))
    full_x = np.zeros((rows * n, inner * m))
    full_x[: x.shape[0], : x.shape[1]] = x.double().numpy()
    full_w = np.zeros((inner * m, columns * p))
    full_w[: w.shape[0], : w.shape[1]] = w.double().numpy()
    y = np.zeros((rows * n, columns * p))
    for i in range(rows):
        for j in range(columns):
            tile = np.zeros(n * p)
            for k in range(inner):
                vec_x = full_x[i * n : i * n + n, k * m : k * m + m].ravel()
                vec_w = full_w[k * m : k * m + m, j * p : j * p + p].ravel()
                tile += encoder.decode @ ((encoder.encode_x @ vec_x) * (encoder.encode_w @ vec_w))
            y[i * n : i * n + n, j * p : j * p + p] = tile.reshape(n, p)
    return torch.from_numpy(y[: x.shape[0], : w.shape[1]])


def relative(found: Tensor, expected: Tensor) -> float:
    """‖found − expected‖² / ‖expected‖²."""
    difference = (found.detach().double() - expected.detach().double()).square().sum()
    return float(difference / expected.detach().double().square().sum())
