"""The rounding model of each precision against rounding itself."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra import PRECISIONS, InvalidInput, Precision


def round_significand(values: np.ndarray, bits: int) -> np.ndarray:
    """Round to nearest with `bits` significand bits, the exponent unbounded."""
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.rint(np.ldexp(fraction, bits)), exponent - bits)


@pytest.mark.parametrize("name", PRECISIONS)
def test_rms_relative_error_of_rounding_lognormal_values(name: str) -> None:
    precision = PRECISIONS[name]
    values = np.exp(3 * np.random.default_rng(5).standard_normal(200_000))
    measured = np.sqrt(np.mean((round_significand(values, precision.significand_bits) / values - 1) ** 2))
    assert measured == pytest.approx(precision.rounding, rel=0.02)


@pytest.mark.parametrize(("name", "dtype"), [("fp32", np.float32), ("fp16", np.float16)])
def test_significand_bits_are_those_of_the_type(name: str, dtype: type[np.floating]) -> None:
    assert PRECISIONS[name].significand_bits == np.finfo(dtype).nmant + 1


def test_names() -> None:
    assert Precision.parse("BF16") is PRECISIONS["bf16"]
    assert Precision.parse("fp8") is PRECISIONS["fp8-e4m3"]
    assert Precision.parse(PRECISIONS["tf32"]) is PRECISIONS["tf32"]
    assert str(PRECISIONS["bf16"]) == "bf16"
    with pytest.raises(InvalidInput, match="unknown precision 'fp7'; choose one of fp32, tf32, fp16, bf16, fp8-e4m3"):
        Precision.parse("fp7")
