"""Balancing changes nothing but the scaling; rotation has order three, transposition two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import (
    Format,
    TileEncoder,
    balance,
    balance_factors,
    classical,
    direct_sum,
    rotate,
    strassen,
    transpose,
)

EXACT = [strassen(), classical(Format(2, 3, 4)), direct_sum(strassen(), classical(Format(2, 2, 3)), "p")]


def random_encoder(seed: int) -> TileEncoder:
    rng = np.random.default_rng(seed)
    format = Format(*rng.integers(1, 5, 3))
    x, w, y = format.sizes
    rank = int(rng.integers(1, 9))
    wild = 10.0 ** rng.uniform(-4, 4, (3, rank, 1))
    u, v, d = (wild[i] * rng.standard_normal((rank, size)) for i, size in enumerate((x, w, y)))
    return TileEncoder(format, u, v, d.T)


seeds = st.integers(0, 2**32 - 1)
encoders = st.one_of(st.sampled_from(EXACT), st.builds(random_encoder, seeds))


@given(encoders)
def test_balancing_keeps_the_tensor(encoder: TileEncoder) -> None:
    balanced = balance(encoder)
    assert balanced.growth == pytest.approx(encoder.growth)
    norms = np.array([np.linalg.norm(f, axis=1) for f in balanced.factors])
    np.testing.assert_allclose(norms, np.broadcast_to(norms[0], norms.shape), rtol=1e-9)
    before, after = (np.einsum("sa,sb,sc->abc", *e.factors) for e in (encoder, balanced))
    np.testing.assert_allclose(after, before, atol=1e-9 * np.abs(before).max())
    again = balance(balanced)
    for f, g in zip(balanced.factors, again.factors, strict=True):
        np.testing.assert_allclose(f, g, rtol=1e-9, atol=0)


def test_a_product_with_a_zero_factor_vanishes() -> None:
    u, v, w = balance_factors(np.array([[3.0], [0.0]]), np.array([[9.0], [5.0]]), np.ones((2, 1)))
    assert [f[1, 0] for f in (u, v, w)] == [0.0, 0.0, 0.0]
    assert u[0, 0] == pytest.approx(3.0)


@given(encoders)
def test_rotation_has_order_three(encoder: TileEncoder) -> None:
    n, m, p = encoder.format
    once = rotate(encoder)
    assert once.format == (m, p, n)
    assert (once.rank, once.ring) == (encoder.rank, encoder.ring)
    assert once.relative_error == pytest.approx(encoder.relative_error)
    assert rotate(rotate(once)) == encoder


@given(encoders)
def test_transposition_is_an_involution(encoder: TileEncoder) -> None:
    n, m, p = encoder.format
    once = transpose(encoder)
    assert once.format == (p, m, n)
    assert (once.rank, once.ring) == (encoder.rank, encoder.ring)
    assert once.growth == pytest.approx(encoder.growth)
    assert transpose(once) == encoder


@given(encoders)
def test_rotation_and_transposition_generate_the_dihedral_relation(encoder: TileEncoder) -> None:
    assert transpose(rotate(transpose(encoder))) == rotate(rotate(encoder))


@given(encoders, seeds)
def test_transposed_encoders_multiply_transposed_matrices(encoder: TileEncoder, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, p = encoder.format
    x, w = rng.standard_normal((n, m)), rng.standard_normal((m, p))

    def run(e: TileEncoder, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return e.decode @ ((e.encode_x @ left.ravel()) * (e.encode_w @ right.ravel()))

    product = run(encoder, x, w).reshape(n, p)
    np.testing.assert_allclose(
        run(transpose(encoder), w.T, x.T).reshape(p, n), product.T, rtol=1e-9, atol=1e-9 * np.abs(product).max()
    )


def test_rotation_carries_denominators_along() -> None:
    e = strassen()
    halves = TileEncoder.from_exact(e.format, e.encode_x / 2, e.encode_w, 2 * e.decode)
    assert halves.denominators == (2, 1, 1)
    assert rotate(halves).denominators == (1, 1, 2)
    assert transpose(halves).denominators == (1, 2, 1)
