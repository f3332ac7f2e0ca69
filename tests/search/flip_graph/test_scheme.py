"""Schemes as arrays, as bit masks and as encoders."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.flip_graph import Scheme
from stl_algebra import Format, InvalidInput, Ring, TileEncoder, strassen
from stl_algebra.schemes import benson_ballard_244, laderman
from tests.search.flip_graph.conftest import RINGS, classical_scheme, formats, rings


@settings(max_examples=60)
@given(formats, rings, st.integers(1, 70), st.randoms(use_true_random=False))
def test_masks_and_back(format: Format, ring: Ring, rank: int, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    low = 0 if ring is Ring.GF2 else -1
    u, v, w = (rng.integers(low, 2, (rank, size)).astype(np.int8) for size in format.sizes)
    scheme = Scheme(format, (u, v, w), ring)
    again = Scheme.from_masks(format, ring, *scheme.masks())
    assert all(np.array_equal(a, b) for a, b in zip(scheme.factors, again.factors, strict=True))


def test_all_64_bits_are_used() -> None:
    scheme = classical_scheme(Format(8, 1, 8), Ring.GF2)
    assert int(scheme.masks()[0][2].max()) == 2**63
    assert Scheme.from_masks(scheme.format, scheme.ring, *scheme.masks()).encoder == scheme.encoder


@pytest.mark.parametrize("encoder", [strassen(), laderman()])
def test_encoders_and_back(encoder: TileEncoder) -> None:
    over_z, modulo_2 = Scheme.of(encoder, Ring.Z), Scheme.of(encoder, Ring.GF2)
    assert over_z is not None
    assert over_z.encoder == encoder
    assert modulo_2 is not None
    assert modulo_2.encoder.ring is Ring.GF2
    assert np.array_equal(modulo_2.encoder.encode_x, encoder.encode_x % 2)


def test_what_is_no_scheme_of_a_ring() -> None:
    halves = benson_ballard_244()
    assert halves.ring is Ring.DYADIC
    assert Scheme.of(halves, Ring.GF2) is None
    assert Scheme.of(halves, Ring.Z) is None
    u, v, w = strassen().factors
    assert Scheme.of(TileEncoder(strassen().format, u, v, w.T), Ring.Z) is None
    tripled = TileEncoder.from_exact(strassen().format, 3 * u, v, _thirds(w))
    assert Scheme.of(tripled, Ring.Z) is None
    modulo_2 = Scheme.of(tripled, Ring.GF2)
    assert modulo_2 is not None
    assert modulo_2.encoder == Scheme.of(strassen(), Ring.GF2).encoder  # type: ignore[union-attr]
    assert Scheme.of(modulo_2.encoder, Ring.Z) is None


def _thirds(w: np.ndarray) -> list[list[object]]:
    return [[Fraction(int(v), 3) for v in row] for row in w.T]


@pytest.mark.parametrize("ring", RINGS)
@pytest.mark.parametrize("axis", ["n", "m", "p"])
def test_extension_and_projection(ring: Ring, axis: str) -> None:
    small = Scheme.of(laderman(), ring)
    assert small is not None
    large = small.extended(axis)  # type: ignore[arg-type]
    assert large.rank == 23 + 9
    assert large.encoder.exact
    back = large.projected(axis, 3)  # type: ignore[arg-type]
    assert back.encoder.exact
    assert back.format == small.format


def test_refused() -> None:
    with pytest.raises(InvalidInput, match=r"not over Q"):
        Scheme(Format(1, 1, 1), (np.ones((1, 1), np.int8),) * 3, Ring.Q)
    with pytest.raises(InvalidInput, match=r"9x9x1 has more than 64 entries"):
        classical_scheme(Format(9, 9, 1), Ring.Z)
    false = Scheme(Format(1, 1, 1), (np.zeros((1, 1), np.int8),) * 3, Ring.Z)
    with pytest.raises(InvalidInput, match="Brent equations"):
        _ = false.encoder
