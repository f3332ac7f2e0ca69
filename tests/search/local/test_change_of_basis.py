"""Turning an encoder into other orthonormal bases."""

from __future__ import annotations

import numpy as np
import pytest

from search.local.change_of_basis import in_random_bases, random_orientation
from stl_algebra import Format, TileEncoder, relative_error
from tests.search.conftest import gaussian_factors, skewed_moments


def test_error_and_growth_on_white_inputs_stay_and_weighted_ones_change() -> None:
    format = Format(2, 3, 4)
    factors = gaussian_factors(format, 5, 0)
    other = in_random_bases(format, factors, np.random.default_rng(1))
    before, after = (TileEncoder(format, u, v, w.T) for u, v, w in (factors, other))
    assert relative_error(format, *other) == pytest.approx(relative_error(format, *factors), rel=1e-12)
    assert after.growth == pytest.approx(before.growth, rel=1e-12)
    weights = skewed_moments(format)
    assert abs(weights.relative_error(after) / weights.relative_error(before) - 1) > 1e-3


@pytest.mark.parametrize(("format", "number"), [((3, 3, 3), 6), ((2, 3, 2), 2), ((2, 2, 3), 2), ((2, 3, 4), 1)])
def test_orientations_of_a_format_are_all_met_and_cost_the_same(format: tuple[int, int, int], number: int) -> None:
    u, v, w = gaussian_factors(Format(*format), 4, 0)
    encoder, rng = TileEncoder(Format(*format), u, v, w.T), np.random.default_rng(1)
    met = {one.digest: one for one in (random_orientation(encoder, rng) for _ in range(60))}
    assert len(met) == number
    assert encoder.digest in met
    for one in met.values():
        assert one.format == encoder.format
        assert one.relative_error == pytest.approx(encoder.relative_error, rel=1e-12)
        assert one.growth == pytest.approx(encoder.growth, rel=1e-12)
