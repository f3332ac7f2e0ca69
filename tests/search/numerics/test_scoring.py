"""Scores of many encoders against those of each, rounding against other implementations, the model against both."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.numerics.low_precision import rounded
from search.numerics.monte_carlo import measured_error
from search.numerics.scoring import score
from stl_algebra import PRECISIONS, Format, InvalidInput, TileEncoder, classical, kronecker, strassen
from tests.search.conftest import gaussian_factors, skewed_moments


def _encoders(format: Format, count: int) -> list[TileEncoder]:
    ranks = np.random.default_rng(0).integers(1, format.products + 1, count)
    factors = (gaussian_factors(format, int(rank), seed) for seed, rank in enumerate(ranks))
    return [TileEncoder(format, u, v, w.T) for u, v, w in factors]


@pytest.mark.parametrize("format", [Format(1, 1, 1), Format(2, 3, 4), Format(4, 4, 4)])
def test_a_batch_scores_as_each_alone(format: Format) -> None:
    encoders = [*_encoders(format, 7), classical(format)]
    found = score(encoders)
    np.testing.assert_allclose(found.relative_error, [e.relative_error for e in encoders], rtol=1e-10)
    np.testing.assert_allclose(found.growth, [e.growth for e in encoders], rtol=1e-12)
    np.testing.assert_allclose(found.error_at("fp8"), [e.error_at("fp8") for e in encoders], rtol=1e-10)
    weights = skewed_moments(format)
    weighted = score(encoders, weights)
    np.testing.assert_allclose(weighted.relative_error, [weights.relative_error(e) for e in encoders], rtol=1e-6)
    np.testing.assert_allclose(weighted.error_at("bf16"), [weights.error_at(e, "bf16") for e in encoders], rtol=1e-6)


def test_only_encoders_of_one_format_are_scored_together() -> None:
    with pytest.raises(InvalidInput, match="formats 2x2x2 and 2x2x3 cannot be scored together"):
        score([classical(Format(2, 2, 2)), classical(Format(2, 2, 3))])
    with pytest.raises(InvalidInput, match="no encoders to score"):
        score([])


#: What casts one rounding from float64 elsewhere; tf32 is fp32 with 13 bits of the significand rounded away.
REFERENCES = {"fp16": np.float16, "fp32": np.float32, "bf16": ml_dtypes.bfloat16, "fp8-e4m3": ml_dtypes.float8_e4m3fn}

numbers = st.one_of(
    st.floats(-1e5, 1e5),
    st.floats(allow_nan=False, width=16),
    st.integers(-2000, 2000).map(lambda k: k / 512),  # many ties
    st.floats(-1e-2, 1e-2),
    st.sampled_from([0.0, -0.0, 448.0, 463.9, 464.0, 464.1, 65504.0, 65519.9, 65520.0, 2.0**-24, 2.0**-25, np.inf]),
)


@pytest.mark.parametrize("precision", REFERENCES)
@given(value=numbers)
def test_rounding_is_that_of_the_hardware_formats(precision: str, value: float) -> None:
    # ml_dtypes goes through float32: only values that it does not round twice are compared.
    single = np.float32(value)
    source = value if precision in ("fp16", "fp32") else float(single)
    with np.errstate(over="ignore"):
        expected = np.asarray(source).astype(REFERENCES[precision]).astype(np.float64)
    np.testing.assert_array_equal(rounded(source, precision), expected)


@given(value=st.floats(-(2.0**99), 2.0**99, width=32))
def test_tf32_is_fp32_without_its_last_thirteen_bits(value: float) -> None:
    bits = int(np.float32(value).view(np.uint32))
    bits = (bits + 0xFFF + ((bits >> 13) & 1)) & 0xFFFFE000  # to nearest, ties to even
    expected = float(np.uint32(bits).view(np.float32))
    if abs(value) > 2.0**-126:
        assert float(rounded(value, "tf32")) == expected


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounded_values_stay_and_every_shape_is_kept(precision: str) -> None:
    values = np.random.default_rng(0).standard_normal((3, 5))
    once = rounded(values, precision)
    assert once.shape == (3, 5)
    np.testing.assert_array_equal(rounded(once, precision), once)


def _approximate() -> TileEncoder:
    u, v, w = kronecker(strassen(), strassen()).factors
    return TileEncoder(Format(4, 4, 4), u[:47], v[:47], w[:47].T)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("encoder", [strassen(), kronecker(strassen(), strassen()), _approximate()], ids=repr)
def test_the_model_is_what_low_precision_arithmetic_measures(encoder: TileEncoder, precision: str) -> None:
    found = measured_error(encoder, precision, np.random.default_rng(0), samples=6000)
    assert found.error == pytest.approx(encoder.error_at(precision), rel=0.1)
    assert found.standard_error < 0.04 * found.error


@pytest.mark.parametrize("inner", [1, 5])
@pytest.mark.parametrize("precision", ["bf16", "fp8"])
def test_the_weighted_model_too(precision: str, inner: int) -> None:
    encoder, weights = _approximate(), skewed_moments(Format(4, 4, 4), spread=0.7)
    rng = np.random.default_rng(1)
    found = measured_error(encoder, precision, rng, samples=20_000, inner=inner, weights=weights)
    assert found.error == pytest.approx(weights.error_at(encoder, precision, inner), rel=0.1)


def test_nothing_is_measured_from_nothing() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="1 samples of 1 inner tiles"):
        measured_error(strassen(), "bf16", rng, samples=1)
    with pytest.raises(InvalidInput, match="moments of tiles 2x2x3"):
        measured_error(strassen(), "bf16", rng, weights=skewed_moments(Format(2, 2, 3)))
