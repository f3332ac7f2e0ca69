"""Duplicates up to order, scaling and sign are recognised, and orbits are told apart by their invariants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import catalog.equivalence
from catalog import Catalog, Provenance
from catalog.equivalence import compare_orbits, cyclic_traces, rank_type, same_products
from stl_algebra import Format, Ring, TileEncoder, classical, kronecker, rotate, strassen, transpose

RandomEncoder = Callable[..., TileEncoder]


def disguised(encoder: TileEncoder, seed: int) -> TileEncoder:
    """The same products in another order, with other signs and scales."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(encoder.rank)
    a, b = (rng.choice([-1.0, 1.0], encoder.rank) * rng.uniform(0.3, 3, encoder.rank) for _ in range(2))
    u, v, w = (f[order] for f in encoder.factors)
    return TileEncoder(encoder.format, u * a[:, None], v * b[:, None], (w / (a * b)[:, None]).T)


def moved(encoder: TileEncoder, seed: int) -> TileEncoder:
    """Another point of the orbit under X → AXB⁻¹, W → BWC⁻¹, with integer matrices of determinant 1."""
    rng = np.random.default_rng(seed)
    n, m, p = encoder.format
    matrices = []
    for size in (n, m, p):
        lower = np.tril(rng.integers(-1, 2, (size, size)), -1) + np.eye(size)
        matrices.append(lower @ (np.triu(rng.integers(-1, 2, (size, size)), 1) + np.eye(size)))
    a, b, c = matrices
    ai, bi, ci = (np.rint(np.linalg.inv(matrix)) for matrix in matrices)
    x = encoder.encode_x.reshape(-1, n, m)
    w = encoder.encode_w.reshape(-1, m, p)
    d = encoder.decode.T.reshape(-1, n, p)
    # the encoder of A⁻¹ (AXB⁻¹)(BWC⁻¹) C, which is XW again
    x2 = np.einsum("ai,sab,jb->sij", a, x, bi)
    w2 = np.einsum("ai,sab,jb->sij", b, w, ci)
    d2 = np.einsum("ia,sab,bj->sij", ai, d, c)
    flat = [matrix.reshape(encoder.rank, -1) for matrix in (x2, w2, d2)]
    return TileEncoder(encoder.format, flat[0], flat[1], flat[2].T, Ring.Z)


def test_disguised_duplicates_are_recognised(
    catalog: Catalog, found: Provenance, random_encoder: RandomEncoder
) -> None:
    for encoder in (strassen(), classical(Format(2, 3, 2)), random_encoder(1), random_encoder(2, 8, (3, 2, 3))):
        assert catalog.duplicate_of(encoder) is None
        entry = catalog.add(encoder, found)
        assert same_products(encoder, disguised(encoder, 3))
        assert catalog.duplicate_of(disguised(encoder, 4)) == entry
        assert catalog.duplicate_of(encoder) == entry


def test_near_duplicates_are_not_taken_for_duplicates(random_encoder: RandomEncoder) -> None:
    encoder = random_encoder(1)
    for name in ("encode_x", "encode_w", "decode"):
        parts = {key: getattr(encoder, key).copy() for key in ("encode_x", "encode_w", "decode")}
        parts[name][0, 0] += 1e-3
        assert not same_products(encoder, TileEncoder(encoder.format, **parts))
    flipped = TileEncoder(encoder.format, -encoder.encode_x, encoder.encode_w, encoder.decode)
    assert not same_products(encoder, flipped)
    assert not same_products(strassen(), classical(Format(2, 2, 2)))


def test_a_product_is_matched_once_only() -> None:
    one = np.eye(4)[:1]
    twice = TileEncoder(Format(2, 2, 2), *(np.vstack([one, one, 2 * one]) for _ in range(2)), np.vstack([one] * 3).T)
    other = TileEncoder(
        Format(2, 2, 2), *(np.vstack([one, 2 * one, 2 * one]) for _ in range(2)), np.vstack([one] * 3).T
    )
    assert not same_products(twice, other)


@pytest.mark.parametrize("most_triples", [160, 1])
@pytest.mark.parametrize("encoder", [strassen(), classical(Format(2, 3, 2)), kronecker(strassen(), strassen())])
def test_invariants_stay_along_the_orbit(
    encoder: TileEncoder, most_triples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog.equivalence, "MOST_TRIPLES", most_triples)
    for seed in range(3):
        other = moved(encoder, seed)
        assert not same_products(encoder, other)
        for twin in (other, rotate(other), transpose(other), rotate(rotate(transpose(other)))):
            assert rank_type(twin) == rank_type(encoder)
            assert np.array_equal(cyclic_traces(twin), cyclic_traces(encoder))
            assert compare_orbits(encoder, twin)[0]


def test_different_orbits_are_told_apart() -> None:
    mixed = kronecker(strassen(), classical(Format(2, 2, 2)))
    swapped = kronecker(classical(Format(2, 2, 2)), strassen())
    assert compare_orbits(mixed, swapped)[0]
    assert not compare_orbits(mixed, classical(Format(4, 4, 4)))[0]
    assert not compare_orbits(strassen(), classical(Format(2, 3, 4)))[0]
    s = strassen()
    x = s.encode_x.copy()
    x[0] *= 2
    assert "traces" in compare_orbits(s, TileEncoder(s.format, x, s.encode_w, s.decode))[1]
    modulo_2 = TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2)
    assert "GF(2)" in compare_orbits(s, modulo_2)[1]


def test_ranks_over_gf2_are_taken_there() -> None:
    s = strassen()
    modulo_2 = TileEncoder(s.format, s.encode_x % 2, s.encode_w % 2, s.decode % 2, Ring.GF2)
    assert rank_type(modulo_2) == {(1, 1, 1): 6, (2, 2, 2): 1}
    doubled = kronecker(modulo_2, modulo_2)
    assert rank_type(doubled) == rank_type(kronecker(s, s))
