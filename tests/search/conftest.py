"""Shared starts for the tests of search."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from search.objective import Factors
from stl_algebra import Format


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    with threadpool_limits(1):
        yield


def gaussian_factors(format: Format, rank: int, seed: int) -> Factors:
    rng = np.random.default_rng(seed)
    u, v, w = (rng.standard_normal((rank, size)) for size in format.sizes)
    return u, v, w
