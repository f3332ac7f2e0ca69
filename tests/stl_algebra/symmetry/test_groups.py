"""Finite subgroups, orbits of products, and the search for an encoder's own symmetries."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra import Format, InvalidInput, TileEncoder, balance, classical, kronecker, rotate, strassen
from stl_algebra.schemes import hopcroft_kerr_233, laderman
from stl_algebra.symmetry import (
    Symmetry,
    conjugation,
    equivalent,
    generate,
    invariants,
    is_invariant,
    matching,
    named_subgroups,
    orbit_spectrum,
    orbits,
    symmetry_group,
    transporters,
)

CUBE = Format(2, 2, 2)


@pytest.mark.parametrize("format", [(2, 2, 2), (3, 3, 3), (4, 4, 4), (2, 3, 2), (2, 3, 4)])
def test_named_subgroups_are_groups_of_symmetries(format: tuple[int, int, int]) -> None:
    groups = named_subgroups(Format(*format))
    assert ("Z3:transpose" in groups) == (len(set(format)) == 1)
    assert ("transpose" in groups) == (format[0] == format[2])
    for group in groups.values():
        elements = set(group)
        assert len(elements) == len(group)
        assert group[0].is_identity
        assert all(g @ h in elements for g in group[:3] for h in group)
        assert all(g.inverse() in elements for g in group)
        assert all(is_invariant(classical(Format(*format)), g) for g in group if _is_signed_permutation(g))


def _is_signed_permutation(g: Symmetry) -> bool:
    return all(np.abs(np.array(base)).sum(axis=1).max() == 1 for base in g.bases)


def test_orders() -> None:
    groups = named_subgroups(Format(4, 4, 4))
    orders = {"Z3": 3, "Z3xflip": 6, "Z3:transpose": 6, "Z2xZ2": 4, "Z4": 4, "S3": 6, "Z3xS3": 18, "twisted-Z3": 3}
    assert {name: len(groups[name]) for name in orders} == orders


def test_infinite_groups_and_empty_lists_are_refused() -> None:
    with pytest.raises(InvalidInput, match="generate more than 50 elements"):
        generate([conjugation(CUBE, [[1, 1], [0, 1]])], limit=50)
    with pytest.raises(InvalidInput, match="at least one generator"):
        generate([])
    with pytest.raises(InvalidInput, match="an order above 1000"):
        _ = conjugation(CUBE, [[1, 1], [0, 1]]).order


def test_orbits_partition_the_products_and_match_their_stabilisers() -> None:
    group = named_subgroups(CUBE)["Z3xS3"]
    assert len(group) == 18
    found = orbits(strassen(), group)
    assert sorted(s for orbit in found for s in orbit.products) == list(range(7))
    assert all(len(orbit.products) * len(orbit.stabiliser) == len(group) for orbit in found)
    assert sorted(len(orbit.products) for orbit in found) == [1, 6]  # de Groote: one fixed product and one orbit


def test_orbits_need_invariance() -> None:
    with pytest.raises(InvalidInput, match="is not invariant under this group"):
        orbits(strassen(), named_subgroups(CUBE)["flipxsign"])


def test_matching_ignores_order_and_scalars_but_not_products() -> None:
    e = kronecker(strassen(), strassen())
    order = np.random.default_rng(0).permutation(49)
    shuffled = TileEncoder(e.format, 3 * e.encode_x[order], e.encode_w[order] / 3, e.decode[:, order])
    assert matching(shuffled, e).tolist() == order.tolist()
    assert matching(balance(shuffled), shuffled) is not None
    other = shuffled.encode_x.copy()
    other[5] *= 1.001
    assert matching(TileEncoder(e.format, other, shuffled.encode_w, shuffled.decode), e) is None


def test_the_signed_symmetries_of_strassen_are_a_group_of_twelve() -> None:
    """Z₃×Z₂ and six with transposition; the conjugations of order 3 in its full group are no signed permutations."""
    group = symmetry_group(strassen())
    assert len(group) == 12
    assert sum(g.transposed for g in group) == 6
    elements = set(group)
    assert all(g @ h in elements for g in group for h in group)
    assert all(is_invariant(strassen(), g) for g in group)


def test_brute_force_agrees_on_two_by_two() -> None:
    """Every one of the 4³·6 signed symmetries, tried without pruning."""
    classes = [np.array(m) for m in ([[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, 1], [-1, 0]])]
    all_of_them = {
        Symmetry.of(CUBE, [a, b, c], rotation=rotation, transposed=transposed)
        for a in classes
        for b in classes
        for c in classes
        for rotation in range(3)
        for transposed in (False, True)
    }
    assert len(all_of_them) == 384
    assert {g for g in all_of_them if is_invariant(strassen(), g)} == set(symmetry_group(strassen()))


def test_transporters_find_what_moved_an_encoder() -> None:
    e = kronecker(strassen(), classical(Format(1, 2, 1)))
    g = Symmetry.of(e.format, [np.diag([1, -1]), np.eye(4, dtype=int)[[2, 0, 3, 1]], [[0, 1], [1, 0]]])
    moved = g.apply(e)
    found = transporters(e, moved)
    assert g in found
    assert len(found) == len(symmetry_group(e))  # a coset
    assert transporters(e, classical(e.format)) == ()


def test_groups_too_large_and_formats_too_large() -> None:
    with pytest.raises(InvalidInput, match="may have more than 100 symmetries"):
        symmetry_group(classical(Format(3, 3, 3)), limit=100)
    with pytest.raises(InvalidInput, match="listed up to size 5"):
        symmetry_group(classical(Format(1, 6, 1)))


def test_invariants_survive_general_changes_of_basis_and_tell_schemes_apart() -> None:
    e = strassen()
    shear = Symmetry.of(CUBE, [[[1, 3], [0, 1]], [[2, 1], [1, 1]], [[1, 0], [-2, 5]]], rotation=1, transposed=True)
    moved = shear.apply(e)
    assert invariants(moved) == invariants(e)
    assert equivalent(moved, e) is None  # no signed permutation does it, and no invariant excludes it
    assert equivalent(rotate(e), e) is True
    padded = kronecker(e, classical(Format(1, 1, 2)))
    other = rotate(rotate(kronecker(rotate(e), classical(Format(1, 2, 1)))))
    assert equivalent(padded, other) in (True, None)
    assert equivalent(padded, kronecker(classical(Format(1, 1, 2)), e)) is True
    assert equivalent(e, classical(CUBE)) is False
    copies = TileEncoder.from_exact(  # the classical algorithm with one product split in two
        CUBE, *_split_first_product(classical(CUBE))
    )
    halves = TileEncoder.from_exact(CUBE, *_split_first_product(_strassen_padded()))
    assert equivalent(copies, halves) is False


def test_the_orbit_spectrum_is_that_of_the_orbit() -> None:
    generator = np.random.default_rng(8)
    for e in (laderman(), hopcroft_kerr_233(), kronecker(strassen(), strassen())):
        bases = [np.eye(size, dtype=int) + np.triu(generator.integers(-1, 2, (size, size)), 1) for size in e.format]
        moved = Symmetry.of(e.format, bases).apply(e)
        scale = orbit_spectrum(e).max()
        np.testing.assert_allclose(orbit_spectrum(moved), orbit_spectrum(e), atol=1e-5 * scale)
    rotated = rotate(laderman())
    np.testing.assert_allclose(orbit_spectrum(rotated), orbit_spectrum(laderman()), atol=1e-5 * scale)


def test_approximate_encoders_are_told_apart_by_their_spectrum() -> None:
    """Generic factors all have full rank; only numbers tell such encoders apart."""
    one, other = (TileEncoder(CUBE, *np.random.default_rng(seed).standard_normal((3, 4, 4))) for seed in (0, 1))
    assert invariants(one) == invariants(other)
    assert equivalent(one, other) is False
    turn = Symmetry.of(CUBE, [[[3, 4], [-4, 3]], [[1, 2], [0, 1]], [[0, 1], [1, 0]]], rotation=1)
    assert equivalent(turn.apply(one), one) is None


def _split_first_product(e: TileEncoder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, w, d = (m.astype(int) for m in (e.encode_x, e.encode_w, e.decode))
    return (
        np.concatenate([2 * x[:1], x]),
        np.concatenate([w[:1], w]),
        np.concatenate([d[:, :1], -d[:, :1], d[:, 1:]], axis=1),
    )


def _strassen_padded() -> TileEncoder:
    e = strassen()
    return TileEncoder.from_exact(CUBE, *_split_first_product(e))
