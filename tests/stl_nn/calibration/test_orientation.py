"""The orientation of an encoder: the same figures without data, the least error under moments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, TileEncoder, TileMoments, strassen
from stl_nn.calibration.orientation import oriented


def _uneven(format: Format, seed: int) -> TileMoments:
    """Moments of tiles whose inner positions differ in size."""
    rng = np.random.default_rng(seed)
    roots = [rng.standard_normal((size, size)) for size in format.sizes[:2]]
    uneven = np.diag(np.tile(rng.uniform(0.2, 3.0, format.m), format.n))
    return TileMoments(format, uneven @ roots[0] @ roots[0].T @ uneven, roots[1] @ roots[1].T)


def _encoder(format: Format, rank: int, seed: int) -> TileEncoder:
    rng = np.random.default_rng(seed)
    x, w, d = (rng.standard_normal((rank, size)) for size in format.sizes)
    return TileEncoder(format, x, w, d.T)


@given(st.sampled_from([(2, 2, 2), (2, 3, 2), (1, 3, 2), (3, 3, 3)]), st.integers(0, 50))
def test_only_the_error_under_the_moments_changes_and_never_for_the_worse(sizes: tuple[int, ...], seed: int) -> None:
    format = Format(*sizes)
    encoder, moments = _encoder(format, 4, seed), _uneven(format, seed)
    [found] = oriented(encoder, moments)
    assert found.format == format
    assert found.rank == encoder.rank
    assert found.relative_error == pytest.approx(encoder.relative_error)
    assert found.growth == pytest.approx(encoder.growth)
    assert moments.error_at(found, "bf16") <= moments.error_at(encoder, "bf16")


def test_a_permuted_encoder_is_turned_back() -> None:
    format = Format(2, 3, 2)
    u, v, w = _encoder(format, 5, 0).factors
    moments = _uneven(format, 3)
    orders = ([0, 1, 2], [2, 0, 1], [1, 0, 2])
    found = [
        oriented(
            TileEncoder(
                format,
                u.reshape(-1, 2, 3)[:, :, order].reshape(-1, 6),
                v.reshape(-1, 3, 2)[:, order].reshape(-1, 6),
                w.T,
            ),
            moments,
        )[0]
        for order in orders
    ]
    errors = [moments.error_at(one, "bf16") for one in found]
    assert errors == pytest.approx(errors[:1] * 3, rel=1e-9)


def test_an_exact_encoder_is_left_alone() -> None:
    assert oriented(strassen(), _uneven(Format(2, 2, 2), 0), number=3) == [strassen()]
