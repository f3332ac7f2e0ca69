"""Rings: naming, the smallest one, and exact recognition of fractions in float64."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import InvalidInput, Ring
from stl_algebra.ring import numerators


@pytest.mark.parametrize(
    ("denominators", "ring"),
    [((1, 1, 1), Ring.Z), ((1, 8, 2), Ring.DYADIC), ((3, 1, 1), Ring.Q), ((2, 3, 1), Ring.Q), ((6,), Ring.Q)],
)
def test_smallest_ring(denominators: tuple[int, ...], ring: Ring) -> None:
    assert Ring.of_denominators(denominators) is ring


def test_exactness() -> None:
    assert [ring for ring in Ring if ring.is_exact] == [Ring.Z, Ring.DYADIC, Ring.Q, Ring.GF2]
    assert [ring for ring in Ring if ring.is_exact_for_reals] == [Ring.Z, Ring.DYADIC, Ring.Q]


def test_names() -> None:
    assert [Ring.parse(str(ring)) for ring in Ring] == list(Ring)
    with pytest.raises(InvalidInput, match=r"unknown ring 'GF\(3\)'; choose one of Z, Z\[1/2\], Q, GF\(2\), R"):
        Ring.parse("GF(3)")


@given(st.integers(1 - 2**51, 2**51 - 1), st.integers(1, 2**51 - 1))
def test_a_correctly_rounded_fraction_is_recognised(numerator: int, denominator: int) -> None:
    found = numerators(np.array([float(Fraction(numerator, denominator))]), denominator)
    assert found is not None
    assert found.tolist() == [numerator]


@given(st.integers(1, 10**6), st.integers(2, 10**4))
def test_a_neighbouring_float_is_not(numerator: int, denominator: int) -> None:
    neighbour = np.nextafter(numerator / denominator, np.inf)
    found = numerators(np.array([neighbour]), denominator)
    # Where the fraction itself is a float64 (denominator a power of two), so may its neighbour be; never the same one.
    assert found is None or Fraction(int(found[0]), denominator) != Fraction(numerator, denominator)


def test_numerators_too_large_to_tell_apart_are_not_recognised() -> None:
    assert numerators(np.array([2.0**51]), 1) is None
