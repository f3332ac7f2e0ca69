"""Growth along the orbit: the minimum is global, is attained, and is reached by exact encoders nearly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, kronecker, rotate, strassen
from stl_algebra.schemes import hopcroft_kerr_233, laderman, winograd
from stl_algebra.symmetry import Symmetry, least_growth, least_growth_bases, orbit_gradient
from stl_algebra.symmetry.element import trace_form
from stl_algebra.symmetry.least_growth import _growth_and_moments, _moved, _nearest, _newton_step

SQUARED = kronecker(strassen(), strassen())


def moved(encoder: TileEncoder, seed: int, size: float) -> TileEncoder:
    """The encoder after a random change of basis, exactly applied in Fractions of 1/8."""
    generator = np.random.default_rng(seed)
    bases = [np.eye(n) + np.rint(8 * size * generator.standard_normal((n, n))) / 8 for n in encoder.format]
    return Symmetry.of(encoder.format, bases).apply(encoder)


def open_ended() -> TileEncoder:
    """An exact encoder of ⟨2,2,1⟩ whose growth falls for ever as the bases run off."""
    rows = [[0, -1, -1, 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]]
    return TileEncoder.from_exact(Format(2, 2, 1), rows, [[0, 1], [1, 1], [1, 0], [0, 1]], [[0, 0, 1, 1], [1, 1, 0, 1]])


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


@settings(max_examples=15)
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


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_whether_there_is_a_minimum_is_the_same_for_the_whole_orbit(seed: int) -> None:
    try:
        starts = moved(open_ended(), seed, 0.4), moved(strassen(), seed, 0.4)
    except InvalidInput:
        return  # a singular basis
    with pytest.raises(InvalidInput, match="no minimum"):
        least_growth_bases(starts[0])
    assert max(np.linalg.cond(base) for base in least_growth_bases(starts[1])) < 1e4


def test_growth_that_falls_to_zero_has_no_minimum_and_zero_stays() -> None:
    e = strassen()
    single = TileEncoder(Format(2, 2, 2), [[0, 1, 0, 0]], [[0, 1, 0, 0]], np.array([[0, 1, 0, 0]]).T)
    with pytest.raises(InvalidInput, match="no minimum"):
        least_growth(single)
    assert least_growth(TileEncoder(e.format, e.encode_x, e.encode_w, 0 * e.decode)).growth == 0


@pytest.mark.parametrize("encoder", [laderman(), hopcroft_kerr_233(), classical(Format(3, 1, 2))], ids=str)
def test_a_newton_step_is_that_of_log_growth_along_geodesics(encoder: TileEncoder) -> None:
    """Along its own direction the step goes to where the slope vanishes, at second order."""
    step, slope = _newton_step(trace_form(encoder), encoder.format)
    gradient = _growth_and_moments(trace_form(encoder), encoder.format)[1]
    assert slope == pytest.approx(orbit_gradient(encoder), abs=1e-12)

    def value(t: float) -> float:
        bases, inverses = ([expm(sign * t * part) for part in step] for sign in (1, -1))
        return float(np.log(_growth_and_moments(_moved(trace_form(encoder), bases, inverses), encoder.format)[0]))

    first = sum(float(np.sum(g * part)) for g, part in zip(gradient, step, strict=True))
    h = 1e-3
    second = (value(h) - 2 * value(0) + value(-h)) / h**2
    assert second == pytest.approx(-first, rel=1e-3, abs=1e-9)


def test_what_lies_half_way_is_rounded_the_same_way_everywhere() -> None:
    halves = np.array([0.5, 1.5, -2.5])
    np.testing.assert_array_equal(_nearest(halves + 1e-9), _nearest(halves - 1e-9))


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6])
def test_a_faint_product_that_holds_the_bases_makes_a_minimum(size: float) -> None:
    """The orbit without it has none, and the curvature at the minimum is about as small as the product."""
    held, rng = open_ended(), np.random.default_rng(0)
    u, v, w = (np.vstack([f, size ** (1 / 3) * rng.standard_normal((6, f.shape[1]))]) for f in held.factors)
    best = least_growth(TileEncoder(held.format, u, v, w.T))
    assert orbit_gradient(best) < 1e-9
