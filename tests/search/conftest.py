"""Shared starts for the tests of search."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from search.objective import Factors
from stl_algebra import Format, Moments


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    with threadpool_limits(1):
        yield


def gaussian_factors(format: Format, rank: int, seed: int) -> Factors:
    rng = np.random.default_rng(seed)
    u, v, w = (rng.standard_normal((rank, size)) for size in format.sizes)
    return u, v, w


def skewed_moments(format: Format, seed: int = 0, spread: float = 1.5) -> Moments:
    """Moments of correlated entries whose variances differ by about e^(2·spread), with means."""
    rng = np.random.default_rng(seed)
    seconds, means = [], []
    for size in format.sizes[:2]:
        mixing = rng.standard_normal((size, size)) * np.exp(spread * rng.standard_normal(size))
        means.append(0.5 * rng.standard_normal(size))
        seconds.append(mixing @ mixing.T / size + np.outer(means[-1], means[-1]))
    return Moments(format, *seconds, *means, source="a test")
