"""Numerical solutions become exact encoders; what is no solution does not."""

from __future__ import annotations

import numpy as np
import pytest

from search.objective import Factors, Objective
from search.rounding import round_to_exact
from search.strategy import Stop
from stl_algebra import Format, TileEncoder, strassen


def _in_another_basis(encoder: TileEncoder, seed: int) -> Factors:
    """The same encoder under X → P⁻¹XQ, W → Q⁻¹WR, Y → P⁻¹YR with random P, Q, R and random scalings."""
    rng = np.random.default_rng(seed)
    n, m, p = encoder.format
    bases = [np.linalg.qr(rng.standard_normal((k, k)))[0] @ np.diag(rng.uniform(0.7, 1.4, k)) for k in (n, m, p)]
    left, middle, right = bases
    u, v, w = encoder.factors
    x = np.einsum("sij,ia,jb->sab", u.reshape(-1, n, m), left, np.linalg.inv(middle).T)
    y = np.einsum("sij,ia,jb->sab", v.reshape(-1, m, p), middle, np.linalg.inv(right).T)
    z = np.einsum("sij,ia,jb->sab", w.reshape(-1, n, p), np.linalg.inv(left).T, right)
    scale = rng.uniform(0.5, 2.0, len(u))[:, None]
    return x.reshape(len(u), -1) * scale, y.reshape(len(u), -1) / scale, z.reshape(len(u), -1)


@pytest.mark.parametrize("seed", range(4))
def test_strassen_is_recovered_from_any_basis(seed: int) -> None:
    objective = Objective(Format(2, 2, 2), 0.0)
    factors = _in_another_basis(strassen(), seed)
    assert objective.value(factors) < 1e-20
    found = [
        round_to_exact(objective, factors, np.random.default_rng(attempt), Stop(seconds=60)) for attempt in range(3)
    ]
    exact = [encoder for encoder in found if encoder is not None]
    assert exact
    assert all(encoder.rank == 7 and encoder.ring.is_exact_for_reals for encoder in exact)


def test_an_approximate_minimum_is_refused() -> None:
    rng = np.random.default_rng(0)
    u, v, w = (rng.standard_normal((5, 4)) for _ in range(3))
    assert round_to_exact(Objective(Format(2, 2, 2), 0.0), (u, v, w), rng, Stop(seconds=10)) is None


def test_stop_ends_it() -> None:
    factors = _in_another_basis(strassen(), 1)
    stop = Stop(seconds=60)
    stop.cancel()
    assert round_to_exact(Objective(Format(2, 2, 2), 0.0), factors, np.random.default_rng(0), stop) is None
