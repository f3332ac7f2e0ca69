"""Closed-form error, growth and rounding against Monte Carlo of the STL operator itself."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra import PRECISIONS, Format, Precision, TileEncoder, kronecker, relative_error, residual, strassen


def random_encoder(format: Format, rank: int, seed: int) -> TileEncoder:
    rng = np.random.default_rng(seed)
    x, w, y = format.sizes
    scale = format.products ** (-1 / 6)
    u, v, d = rng.standard_normal((rank, x)), rng.standard_normal((rank, w)), rng.standard_normal((y, rank))
    return TileEncoder(format, scale * u, scale * v, scale * d / rank)


def stl(encoder: TileEncoder, x: np.ndarray, w: np.ndarray, precision: Precision | None = None) -> np.ndarray:
    """The STL operator on whole matrices: tile, encode, round, multiply channels, decode, untile."""
    n, m, p = encoder.format
    rows, inner, columns = len(x) // n, len(w) // m, w.shape[1] // p
    x_tiles = x.reshape(rows, n, inner, m).transpose(0, 2, 1, 3).reshape(rows, inner, n * m)
    w_tiles = w.reshape(inner, m, columns, p).transpose(0, 2, 1, 3).reshape(inner, columns, m * p)
    encoded_x, encoded_w = x_tiles @ encoder.encode_x.T, w_tiles @ encoder.encode_w.T
    if precision is not None:
        encoded_x, encoded_w = (rounded(e, precision) for e in (encoded_x, encoded_w))
    products = np.einsum("iks,kjs->ijs", encoded_x, encoded_w, optimize=True)
    tiles = (products @ encoder.decode.T).reshape(rows, columns, n, p)
    return tiles.transpose(0, 2, 1, 3).reshape(rows * n, columns * p)


def rounded(values: np.ndarray, precision: Precision) -> np.ndarray:
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(fraction, precision.significand_bits)), exponent - precision.significand_bits)


def measured(encoder: TileEncoder, tiles: tuple[int, int, int], seed: int, precision: Precision | None = None) -> float:
    rng = np.random.default_rng(seed)
    n, m, p = encoder.format
    rows, inner, columns = tiles
    x, w = rng.standard_normal((n * rows, m * inner)), rng.standard_normal((m * inner, p * columns))
    exact = x @ w
    return float(np.sum((stl(encoder, x, w, precision) - exact) ** 2) / np.sum(exact**2))


@pytest.mark.parametrize(
    ("format", "rank"), [((2, 2, 2), 5), ((2, 3, 4), 11), ((4, 4, 4), 40), ((1, 5, 2), 3), ((3, 1, 3), 9)]
)
@pytest.mark.parametrize("inner", [1, 5])
def test_closed_form_error_is_that_of_the_operator(format: tuple[int, int, int], rank: int, inner: int) -> None:
    """Within four standard errors of 24 independent matrix products, for any number of K tiles."""
    encoder = random_encoder(Format(*format), rank, seed=rank)
    runs = np.array([measured(encoder, (24, inner, 24), seed) for seed in range(24)])
    standard_error = runs.std(ddof=1) / np.sqrt(len(runs))
    assert abs(runs.mean() - encoder.relative_error) < 4 * standard_error
    assert standard_error < 0.05 * encoder.relative_error  # otherwise the test above would accept anything


@pytest.mark.parametrize("precision", PRECISIONS.values(), ids=str)
@pytest.mark.parametrize("squared", [False, True])
def test_rounding_model_of_exact_encoders(precision: Precision, squared: bool) -> None:
    encoder = kronecker(strassen(), strassen()) if squared else strassen()
    modelled = encoder.error_at(precision)
    assert measured(encoder, (64, 32, 64), 7, precision) == pytest.approx(modelled, rel=0.1)


def test_rounding_adds_to_the_error_of_an_approximate_encoder() -> None:
    encoder = random_encoder(Format(3, 3, 3), 20, seed=2)
    modelled = encoder.error_at("fp8") - encoder.relative_error
    x, w = np.random.default_rng(11).standard_normal((2, 144, 144))
    noise = stl(encoder, x, w, PRECISIONS["fp8-e4m3"]) - stl(encoder, x, w)
    assert np.sum(noise**2) / np.sum((x @ w) ** 2) == pytest.approx(modelled, rel=0.1)
    # It is uncorrelated with the encoder's own error, so the two squared errors add.
    own = stl(encoder, x, w) - x @ w
    assert abs(np.sum(noise * own)) < 0.02 * np.sqrt(np.sum(noise**2) * np.sum(own**2))


def test_strassen_squared_in_bf16_as_designed() -> None:
    assert kronecker(strassen(), strassen()).error_at("bf16") == pytest.approx(8.85e-5, rel=0.01)


def test_residual_is_the_difference_of_tensors() -> None:
    encoder = random_encoder(Format(2, 3, 2), 4, seed=9)
    r = residual(encoder.format, *encoder.factors)
    x, w = np.random.default_rng(3).standard_normal((2, 6))
    product = encoder.decode @ ((encoder.encode_x @ x) * (encoder.encode_w @ w))
    exact = (x.reshape(2, 3) @ w.reshape(3, 2)).ravel()
    np.testing.assert_allclose(np.einsum("abc,a,b->c", r, x, w), product - exact, atol=1e-12)
    assert relative_error(encoder.format, *encoder.factors) == pytest.approx(np.sum(r**2) / 12)
