"""Errors under second moments: the closed form against sampled products, and the moments it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, TileEncoder, TileMoments, classical, matmul_tensor, residual, strassen

sizes = st.integers(1, 3)


def _mixing(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((size, size)) * np.exp(rng.standard_normal(size))


def _encoder(format: Format, rank: int, seed: int) -> TileEncoder:
    """Products of the classical algorithm, disturbed."""
    rng = np.random.default_rng(seed)
    u, v, w = (f[:rank] + 0.2 * rng.standard_normal((rank, f.shape[1])) for f in classical(format).factors)
    return TileEncoder(format, u, v, w.T)


@pytest.mark.parametrize(("tiles", "means"), [(1, False), (3, False), (1, True), (4, True)])
def test_relative_error_is_that_of_sampled_products(tiles: int, means: bool) -> None:
    """Gaussian tiles with these moments, multiplied by the encoder and exactly: within 2 %."""
    format, samples = Format(2, 3, 2), 40_000
    rng = np.random.default_rng(0)
    encoder = _encoder(format, 9, 1)
    drawn, seconds, centres = [], [], []
    for size in format.sizes[:2]:
        mixing = _mixing(size, rng)
        mean = 4 * rng.standard_normal(size) * means
        drawn.append(rng.standard_normal((samples, tiles, size)) @ mixing.T + mean)
        seconds.append(mixing @ mixing.T + np.outer(mean, mean))
        centres.append(mean)
    moments = TileMoments(format, *seconds, *centres)
    x, w = drawn
    encoded = (x @ encoder.encode_x.T) * (w @ encoder.encode_w.T)
    approximate = encoded.sum(1) @ encoder.decode.T
    exact = np.einsum("tkij,tkjl->til", x.reshape(samples, tiles, 2, 3), w.reshape(samples, tiles, 3, 2))
    sampled = np.sum((approximate - exact.reshape(samples, -1)) ** 2) / np.sum(exact**2)
    assert moments.relative_error(encoder, tiles) == pytest.approx(sampled, rel=0.02)
    if means and tiles > 1:  # the cross-tile terms are not small here
        assert abs(moments.relative_error(encoder) / sampled - 1) > 0.05


@settings(max_examples=25)
@given(n=sizes, m=sizes, p=sizes, seed=st.integers(0, 10**6), scale=st.sampled_from([1e-6, 1.0, 1e5]))
def test_white_inputs_of_any_scale_are_the_unweighted_problem(n: int, m: int, p: int, seed: int, scale: float) -> None:
    format = Format(n, m, p)
    encoder = _encoder(format, format.products, seed)
    moments = TileMoments(format, scale * np.eye(n * m), np.eye(m * p) / scale)
    assert moments.relative_error(encoder) == pytest.approx(encoder.relative_error, rel=1e-9)
    assert moments.growth(encoder) == pytest.approx(encoder.growth, rel=1e-9)
    for precision in ("bf16", "fp8"):
        assert moments.error_at(encoder, precision) == pytest.approx(encoder.error_at(precision), rel=1e-9)


@settings(max_examples=25)
@given(n=sizes, m=sizes, p=sizes, seed=st.integers(0, 10**6))
def test_whitened_factors_leave_the_weighted_residual(n: int, m: int, p: int, seed: int) -> None:
    format = Format(n, m, p)
    rng = np.random.default_rng(seed)
    x, w = (_mixing(size, rng) for size in format.sizes[:2])
    moments = TileMoments(format, x @ x.T, w @ w.T)
    encoder = _encoder(format, format.products, seed)
    whitened = moments.whitened(encoder.factors)
    rest = np.einsum("sa,sb,sc->abc", *whitened) - moments.target
    assert np.sum(moments.target**2) == pytest.approx(format.products, rel=1e-9)
    assert np.sum(rest**2) / format.products == pytest.approx(moments.relative_error(encoder), rel=1e-6, abs=1e-10)
    for back, factor in zip(moments.restored(whitened), encoder.factors, strict=True):
        np.testing.assert_allclose(back, factor, rtol=1e-6, atol=1e-6)


def test_rounding_adds_twice_its_square_times_the_weighted_growth() -> None:
    """Against sampled roundings: encoded entries times 1 + ε with ε of the precision's rms."""
    format, samples = Format(2, 2, 2), 100_000
    rng = np.random.default_rng(3)
    x, w = (_mixing(4, rng) for _ in range(2))
    moments = TileMoments(format, x @ x.T, w @ w.T)
    encoder = strassen()
    drawn_x, drawn_w = (rng.standard_normal((samples, 4)) @ side.T for side in (x, w))
    delta = 0.01

    def encoded(tiles: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        return (tiles @ matrix.T) * (1 + delta * rng.standard_normal((samples, len(matrix))))

    exact = np.einsum("tij,tjl->til", drawn_x.reshape(-1, 2, 2), drawn_w.reshape(-1, 2, 2)).reshape(samples, 4)
    rounded = (encoded(drawn_x, encoder.encode_x) * encoded(drawn_w, encoder.encode_w)) @ encoder.decode.T
    sampled = np.sum((rounded - exact) ** 2) / np.sum(exact**2)
    assert 2 * delta**2 * moments.growth(encoder) / 8 == pytest.approx(sampled, rel=0.03)


def test_an_exact_encoder_is_exact_under_any_moments() -> None:
    rng = np.random.default_rng(0)
    x, w = (_mixing(4, rng) for _ in range(2))
    assert TileMoments(Format(2, 2, 2), x @ x.T, w @ w.T, np.ones(4), np.ones(4)).relative_error(strassen(), 7) == 0.0


def test_singular_moments_are_raised_to_the_ridge() -> None:
    """An input that is always zero costs next to nothing, and its coordinates can still be inverted."""
    format = Format(2, 2, 2)
    second = np.diag([1.0, 1.0, 1.0, 0.0])
    moments = TileMoments(format, second, np.eye(4))
    u, v, w = classical(format).factors
    needed = ~np.any(u[:, 3:] != 0, axis=1)
    encoder = TileEncoder(format, u[needed], v[needed], w[needed].T)
    assert moments.relative_error(encoder) < 1e-5
    restored = moments.restored(moments.whitened(encoder.factors))
    np.testing.assert_allclose(restored[0], encoder.encode_x, atol=1e-9)


def test_digest_follows_the_content_and_not_the_scale() -> None:
    rng = np.random.default_rng(0)
    x, w = (_mixing(4, rng) for _ in range(2))
    first = TileMoments(Format(2, 2, 2), x @ x.T, w @ w.T)
    assert first.digest == TileMoments(Format(2, 2, 2), 3 * x @ x.T, w @ w.T, source="elsewhere").digest
    assert first.digest == TileMoments(Format(2, 2, 2), first.second_x, first.second_w).digest
    assert first.digest != TileMoments(Format(2, 2, 2), x @ x.T, w @ w.T, np.ones(4)).digest


@pytest.mark.parametrize(
    ("x", "w", "sentence"),
    [
        (np.eye(3), np.eye(4), r"second_x has shape \(3, 3\); tiles of format 2x2x2 need \(4, 4\)"),
        (np.eye(4), np.eye(4)[0], "second_w has shape"),
        (np.full((4, 4), np.nan), np.eye(4), "second_x has an entry that is not finite"),
        (np.triu(np.ones((4, 4))), np.eye(4), "second_x is not symmetric"),
        (np.eye(4), np.diag([1.0, 1.0, 1.0, -0.5]), "second_w is not positive semidefinite"),
        (np.zeros((4, 4)), np.eye(4), "second_x is zero"),
        (np.diag([1.0, 0, 1, 0]), np.diag([0.0, 0, 1, 1]), "every product XW is zero"),
    ],
)
def test_moments_that_are_none_are_refused_in_a_sentence(x: np.ndarray, w: np.ndarray, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        TileMoments(Format(2, 2, 2), x, w)


def test_no_tiles_are_no_inner_dimension() -> None:
    format = Format(2, 2, 2)
    with pytest.raises(InvalidInput, match="is 0; give at least 1"):
        TileMoments(format, np.eye(4), np.eye(4)).relative_error(_encoder(format, 5, 0), tiles=0)


def test_identity_moments_keep_the_tensor() -> None:
    format = Format(2, 3, 1)
    np.testing.assert_allclose(TileMoments(format, np.eye(6), np.eye(3)).target, matmul_tensor(format), atol=1e-12)
    assert np.sum(residual(format, *classical(format).factors) ** 2) == 0
