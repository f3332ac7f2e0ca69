"""Growth along the orbit: the minimum is global, is attained, and is reached by exact encoders nearly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, kronecker, rotate, strassen
from stl_algebra.quality import least_growth, orbit_gradient
from stl_algebra.quality.least_growth import _growth_and_moments
from stl_algebra.schemes import hopcroft_kerr_233, laderman, winograd
from stl_algebra.symmetry import Symmetry
from stl_algebra.symmetry.element import trace_form

SQUARED = kronecker(strassen(), strassen())


def moved(encoder: TileEncoder, seed: int, size: float) -> TileEncoder:
    """The encoder after a random change of basis, exactly applied in Fractions of 1/8."""
    generator = np.random.default_rng(seed)
    bases = [np.eye(n) + np.rint(8 * size * generator.standard_normal((n, n))) / 8 for n in encoder.format]
    return Symmetry.of(encoder.format, bases).apply(encoder)


@pytest.mark.parametrize("encoder", [strassen(), laderman(), hopcroft_kerr_233(), SQUARED], ids=str)
def test_the_minimum_is_critical_and_computes_the_same(encoder: TileEncoder) -> None:
    best = least_growth(encoder)
    assert best.growth < encoder.growth
    assert orbit_gradient(best) < 1e-6 < orbit_gradient(encoder)
    assert best.relative_error < 1e-25


def test_the_minimum_of_strassen_and_of_its_square() -> None:
    """200/9 for every rank-7 scheme of ⟨2,2,2⟩, since all are equivalent; on the square it is the square."""
    assert least_growth(strassen()).growth == pytest.approx(200 / 9)
    assert least_growth(winograd()).growth == pytest.approx(200 / 9)
    assert least_growth(SQUARED).growth == pytest.approx((200 / 9) ** 2)
    assert least_growth(SQUARED).growth < 1000


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_every_start_on_the_orbit_ends_at_the_same_growth(seed: int) -> None:
    try:
        start = moved(laderman(), seed, 0.4)
    except InvalidInput:
        return  # a singular basis
    assert least_growth(start).growth == pytest.approx(least_growth(laderman()).growth, rel=1e-6)


def test_no_random_change_of_basis_does_better() -> None:
    best = least_growth(SQUARED).growth
    for seed in range(12):
        assert moved(SQUARED, seed, 0.2).growth >= best


def test_the_gradient_is_that_of_log_growth() -> None:
    encoder, step = laderman(), 1e-6
    generator = np.random.default_rng(1)
    directions = [m + m.T for m in generator.standard_normal((3, 3, 3))]
    growths = []
    for sign in (1, -1):
        bases = [np.eye(3) + sign * step * m for m in directions]
        u, v, w = (f.reshape(-1, 3, 3) for f in encoder.factors)
        inverse = [np.linalg.inv(b) for b in bases]
        factors = (bases[0] @ u @ inverse[1], bases[1] @ v @ inverse[2], inverse[0].T @ w @ bases[2].T)
        growths.append(
            TileEncoder(encoder.format, *(f.reshape(23, 9) for f in factors[:2]), factors[2].reshape(23, 9).T).growth
        )
    slope = np.log(growths[0] / growths[1]) / (2 * step)
    value, gradient = _growth_and_moments(trace_form(encoder), encoder.format)
    assert value == pytest.approx(encoder.growth)
    assert slope == pytest.approx(sum(np.sum(g * m) for g, m in zip(gradient, directions, strict=True)), rel=1e-6)
    assert orbit_gradient(encoder) == pytest.approx(np.sqrt(sum(np.sum(g**2) for g in gradient)))


@pytest.mark.parametrize(
    ("denominator", "ring", "within"), [(2, Ring.DYADIC, 1.2), (8, Ring.DYADIC, 1.1), (12, Ring.Q, 1.01)]
)
def test_rounded_bases_stay_exact(denominator: int, ring: Ring, within: float) -> None:
    for encoder in (strassen(), rotate(strassen()), laderman(), SQUARED):
        exact = least_growth(encoder, denominator)
        assert exact.exact
        assert exact.ring is ring
        assert exact.growth <= within * least_growth(encoder).growth


def test_the_classical_algorithm_is_optimal() -> None:
    encoder = classical(Format(3, 2, 4))
    assert orbit_gradient(encoder) < 1e-12
    assert least_growth(encoder).growth == pytest.approx(24)
    assert least_growth(encoder, 4) == encoder


def test_approximate_encoders_and_bad_denominators() -> None:
    e = strassen()
    part = TileEncoder(e.format, e.encode_x[:6], e.encode_w[:6], e.decode[:, :6])
    assert least_growth(part).growth <= part.growth
    with pytest.raises(InvalidInput, match="denominator 0 is not positive"):
        least_growth(e, 0)
