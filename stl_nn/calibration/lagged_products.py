"""Products of a sequence of rows with itself at the first few lags, by Fourier transforms of short blocks."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor
from torch.nn.functional import pad

#: Blocks that a transform is worth while for.
LEAST_BLOCKS = 16
#: Panels of columns that a symmetric product is made by.
PANELS = 4


def lagged_products(rows: Tensor, lags: int) -> Tensor:
    """Σ_t x_t x_{t+l}ᵀ at the first few lags l over a sequence of rows, zero beyond its ends.

    Parameters
    ----------
    rows : Tensor
        The rows x_t, (T, K).
    lags : int
        The number of lags, from 0 on.

    Returns
    -------
    Tensor
        (lags, K, K). Rounding is relative to the norms of the two channels, as it is for plain products, which are
        taken of few rows.

    Notes
    -----
    Taken round in a circle within blocks of P = 4·`lags` rows, these are sums over P/2 + 1 frequencies of x̂* x̂ᵀ, with
    x̂ = a − ib the transform of a block. That takes three real products for each frequency instead of one for each lag
    and row: aᵀa + bᵀb = 2aᵀa − (S + Sᵀ)/2 and aᵀb − bᵀa = (S − Sᵀ)/2 for S = (a − b)ᵀ(a + b). What the circle joins
    wrongly, and what follows in the next block, is put right by products of the few rows at the ends of blocks.
    Together that is about (5/4) T K² multiplications instead of `lags`·T K².

    References
    ----------
    Nussbaumer, Fast Fourier transform and convolution algorithms, 1982, §3.

    Examples
    --------
    >>> lagged_products(torch.tensor([[1.0], [2.0], [3.0]]), 2).flatten().round(decimals=4).tolist()
    [14.0, 8.0]
    """
    period = 4 * lags
    if lags == 1 or len(rows) < LEAST_BLOCKS * period:
        return torch.stack([rows[: max(len(rows) - lag, 0)].T @ rows[lag:] for lag in range(lags)])
    blocks = pad(rows, (0, 0, 0, -len(rows) % period)) if len(rows) % period else rows
    blocks = blocks.unflatten(0, (-1, period))
    products = _circular(blocks, lags)
    for lag in range(1, lags):
        entering = -blocks[:, :lag]
        entering[:-1] += blocks[1:, :lag]
        products[lag].addmm_(blocks[:, period - lag :].flatten(0, 1).T, entering.flatten(0, 1))
    return products


def _circular(blocks: Tensor, lags: int) -> Tensor:
    """Σ_t x_t x_{t+l}ᵀ over the blocks (B, P, K), with t + l modulo P."""
    _, period, features = blocks.shape
    inner = period // 2 - 1
    angles = 2 * pi / period * torch.outer(torch.arange(inner + 2), torch.arange(period)).double()
    transform = torch.cat([angles.cos(), angles[1:-1].sin()]).to(blocks.dtype)
    real, imaginary = (transform @ blocks).transpose(0, 1).split([inner + 2, inner])
    spectrum = blocks.new_zeros(2 * inner + 2, features, features)  # half of aᵀa for all frequencies, S for inner ones
    for a, product in zip(real, spectrum, strict=False):
        _half_square(a, product)
    for a, b, product in zip(real[1:-1], imaginary, spectrum[inner + 2 :], strict=True):
        torch.mm((a - b).T, a + b, out=product)
    cosine, sine = angles[:, :lags].T.cos() / period, angles[1:-1, :lags].T.sin() / period
    squares = cosine * torch.tensor([1.0, *[4.0] * inner, 1.0], dtype=cosine.dtype)  # 2aᵀa, for f and for −f
    cosine = cosine[:, 1:-1]
    as_it_is, transposed = torch.cat([squares, sine - cosine], dim=1), torch.cat([squares, -sine - cosine], dim=1)
    weights = torch.cat([as_it_is, transposed]).to(blocks.dtype)
    mixed = (weights @ spectrum.flatten(1)).unflatten(0, (2, lags)).unflatten(2, (features, features))
    return mixed[0].add_(mixed[1].mT)


def _half_square(a: Tensor, half: Tensor) -> None:
    """H with H + Hᵀ = aᵀa for a (B, K), into (K, K) of zeros: hardly more than half of the work."""
    width = -(-a.shape[1] // PANELS)
    for start in range(0, a.shape[1], width):
        end = start + width
        half[start:end, start:end] = (a[:, start:end].T @ a[:, start:end]) / 2
        half[start:end, end:] = a[:, start:end].T @ a[:, end:]
