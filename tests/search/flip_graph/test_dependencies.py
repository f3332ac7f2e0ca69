"""Reductions by linear dependency keep the tensor and lower the rank."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search.flip_graph import Scheme, Walking, descend
from search.flip_graph.dependencies import reduced
from search.stop import Stop
from stl_algebra import Format, Ring, strassen
from tests.search.flip_graph.conftest import classical_scheme, rings, seeds, walked


def _tensor(scheme: Scheme) -> np.ndarray:
    u, v, w = (factor.astype(int) for factor in scheme.factors)
    tensor = np.einsum("sa,sb,sc->abc", u, v, w)
    return tensor % 2 if scheme.ring is Ring.GF2 else tensor


@settings(max_examples=80)
@given(rings, seeds, st.integers(2, 6), st.integers(0, 2))
def test_products_made_dependent_are_reduced(ring: Ring, seed: int, count: int, slot: int) -> None:
    """A factor in common up to sign, and two equal second factors, of which one belongs to a third factor of 0."""
    rng = np.random.default_rng(seed)
    factors = [rng.integers(0 if ring is Ring.GF2 else -1, 2, (count, 4)).astype(np.int8) for _ in range(3)]
    second, third = (slot + 1) % 3, (slot + 2) % 3
    factors[slot][:] = np.array([1, 0, 1, 1])
    factors[second][0] = factors[second][-1]
    if ring is Ring.Z:
        factors[slot][0] *= -1
        factors[third][:] = 0
        factors[third][0] = rng.integers(-1, 2, 4)
    scheme = Scheme(Format(2, 2, 2), (factors[0], factors[1], factors[2]), ring)
    after = reduced(scheme)
    assert after is not None
    assert after.rank == count - 1
    assert np.array_equal(_tensor(after), _tensor(scheme))


@settings(max_examples=30)
@given(rings, seeds, st.integers(1, 2000))
def test_on_walks(ring: Ring, seed: int, flips: int) -> None:
    scheme = walked(Format(2, 3, 3), ring, seed, flips).scheme()
    after = reduced(scheme)
    while after is not None:
        assert after.rank == scheme.rank - 1
        assert after.encoder.exact
        scheme, after = after, reduced(after)


def test_a_dependency_of_three() -> None:
    a = np.array([[1, 0], [-1, 0], [1, 0]], np.int8)
    b = np.array([[1, 0], [0, 1], [1, -1]], np.int8)
    c = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], np.int8)
    scheme = Scheme(Format(2, 1, 2), (a, b, c), Ring.Z)
    after = reduced(scheme)
    assert after is not None
    assert np.array_equal(_tensor(after), _tensor(scheme))


def test_what_would_leave_the_set_is_not_taken() -> None:
    """1 + 1 is not in {−1, 0, 1}; modulo 2 the two products cancel."""
    ones = np.ones((2, 1), np.int8)
    assert reduced(Scheme(Format(1, 1, 1), (ones, ones, ones), Ring.Z)) is None
    after = reduced(Scheme(Format(1, 1, 1), (ones, ones, ones), Ring.GF2))
    assert after is not None
    assert after.rank == 1


def test_the_best_schemes_have_none() -> None:
    scheme = Scheme.of(strassen(), Ring.Z)
    assert scheme is not None
    assert reduced(scheme) is None
    assert reduced(classical_scheme(Format(3, 3, 3), Ring.GF2)) is None


def test_descents_use_them() -> None:
    """A walk of no flips still makes the reductions that are at hand."""
    a = np.array([[1, 0], [1, 0], [1, 0]], np.int8)
    b = np.array([[1, 0], [0, 1], [1, 1]], np.int8)
    c = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], np.int8)
    start = Scheme(Format(2, 1, 2), (a, b, c), Ring.GF2)
    met = list(descend(start, np.random.default_rng(0), Stop(), Walking(length=0)))
    assert [scheme.rank for scheme in met] == [3, 2]
    assert np.array_equal(_tensor(met[-1]), _tensor(start))
