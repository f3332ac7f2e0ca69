"""Encoders from groups: exact under the triple product property, of the closed-form error otherwise."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from stl_algebra import Format, InvalidInput, Ring, relative_error, strassen
from stl_algebra.group_encoders import (
    GroupMaps,
    algebra_rank,
    best_progression_maps,
    block_algorithm,
    group_encoder,
    keep_products,
    least_squares_decoder,
    matrix_scheme,
    progression_maps,
    truncated_group_encoder,
)
from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    cyclic,
    dihedral,
    elementary_abelian,
    group_by_name,
    groups_of_order,
    has_triple_product_property,
    library,
    puzzle_triples,
    subgroups,
    symmetric,
)
from stl_algebra.representations import COMPLEXES, QUATERNIONS, REALS, DivisionAlgebra, convolve


def _random_maps(format: Format, group: FiniteGroup, seed: int) -> GroupMaps:
    rng = np.random.default_rng(seed)
    n, m, p = format
    return GroupMaps(format, group, rng.integers(group.order, size=n * m), rng.integers(group.order, size=m * p))


@pytest.mark.parametrize("format", [Format(2, 2, 2), Format(2, 3, 2), Format(3, 1, 4)], ids=str)
@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_closed_form_error_is_the_encoders_own(group: FiniteGroup, format: Format) -> None:
    maps = _random_maps(format, group, group.order)
    encoder = group_encoder(maps)
    assert encoder.rank <= algebra_rank(group)
    assert np.isclose(encoder.relative_error, maps.relative_error, atol=1e-12)


@pytest.mark.parametrize("name", ["C7", "Q8", "S4", "F21", "C4 o D4"])
def test_encoder_convolves_and_reads_off(name: str) -> None:
    maps = _random_maps(Format(2, 3, 4), group_by_name(name), 5)
    encoder = group_encoder(maps, rational=False)
    rng = np.random.default_rng(6)
    x, w = rng.standard_normal(6), rng.standard_normal(12)
    in_x, in_w = (np.bincount(images, values, maps.group.order) for images, values in ((maps.alpha, x), (maps.beta, w)))
    expected = maps.decoder @ convolve(maps.group, in_x, in_w)
    assert np.allclose(encoder.decode @ ((encoder.encode_x @ x) * (encoder.encode_w @ w)), expected)


@pytest.mark.parametrize("name", ["C12", "D5", "Q8", "A4"])
def test_the_decoder_minimises_the_error(name: str) -> None:
    maps = _random_maps(Format(2, 2, 3), group_by_name(name), 2)
    total, wanted = maps.collisions
    assert total.sum() == 4 * 6
    assert wanted.sum() == maps.format.products
    rng = np.random.default_rng(0)

    def squared_residual(decoder: np.ndarray) -> float:
        return float(np.sum(total * decoder**2 - 2 * decoder * wanted) + maps.format.products)

    best = squared_residual(maps.decoder)
    assert np.isclose(best / maps.format.products, maps.relative_error)
    assert all(squared_residual(maps.decoder + 0.01 * rng.standard_normal(wanted.shape)) > best for _ in range(20))


def _triples(group: FiniteGroup) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    chain = [h for h in subgroups(group) if len(h) > 1]
    return [(s, t, u) for s in chain for t in chain for u in chain if has_triple_product_property(group, s, t, u)]


@pytest.mark.parametrize(("name", "ring"), [("D3", Ring.Q), ("D4", Ring.DYADIC), ("A4", Ring.Q), ("S4", Ring.Q)])
def test_subgroups_with_the_triple_product_property_are_proved_exact(name: str, ring: Ring) -> None:
    group = group_by_name(name)
    found = _triples(group)
    assert found
    for s, t, u in found[:3]:
        encoder = group_encoder(GroupMaps.from_subsets(group, s, t, u))
        assert encoder.format == (len(s), len(t), len(u))
        assert encoder.ring is ring


def test_exact_maps_into_an_irrational_group_are_exact_to_rounding() -> None:
    group = dihedral(5)
    maps = GroupMaps.from_subsets(group, *_triples(group)[0])
    encoder = group_encoder(maps)
    assert maps.exact
    assert encoder.ring is Ring.R
    assert encoder.relative_error < 1e-25


def test_random_subsets_are_exact_exactly_under_the_triple_product_property() -> None:
    rng = np.random.default_rng(11)
    seen = set()
    for group in groups_of_order(12):
        for _ in range(60):
            subsets = [rng.choice(12, size=rng.integers(1, 4), replace=False) for _ in range(3)]
            maps = GroupMaps.from_subsets(group, *subsets)
            assert maps.exact == has_triple_product_property(group, *subsets) == (maps.relative_error < 1e-12)
            seen.add(maps.exact)
    assert seen == {True, False}


@pytest.mark.parametrize("m", [3, 4])
def test_simultaneous_triples_share_one_exact_encoder(m: int) -> None:
    encoder = group_encoder(GroupMaps.from_triples(*puzzle_triples([(1, 2, 3), (3, 1, 2)], m)))
    assert encoder.format == (m - 1, 2 * (m - 1), m - 1)
    assert encoder.exact


def test_least_squares_decoder_is_optimal_and_recovers_exact_ones() -> None:
    s = strassen()
    assert np.allclose(least_squares_decoder(s.format, s.encode_x, s.encode_w), s.decode)
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    decode = least_squares_decoder(Format(2, 2, 2), x, w)
    best = relative_error(Format(2, 2, 2), x, w, decode.T)
    for _ in range(20):
        assert relative_error(Format(2, 2, 2), x, w, (decode + 0.01 * rng.standard_normal(decode.shape)).T) > best


def test_truncation_drops_blocks_and_then_products() -> None:
    maps = _random_maps(Format(2, 2, 2), symmetric(3), 4)
    errors = [truncated_group_encoder(maps, rank=r).relative_error for r in range(1, algebra_rank(symmetric(3)) + 1)]
    assert all(a >= b - 1e-12 for a, b in pairwise(errors))
    assert errors[-1] <= maps.relative_error + 1e-12


def test_products_are_dropped_in_order_of_the_error_of_the_refit() -> None:
    format = Format(2, 2, 2)
    rng = np.random.default_rng(8)
    x, w = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))

    def refitted(kept: np.ndarray) -> float:
        return relative_error(format, x[kept], w[kept], least_squares_decoder(format, x[kept], w[kept]).T)

    kept = keep_products(format, x, w, 5, [])
    assert np.isclose(refitted(kept), min(refitted(np.delete(np.arange(6), s)) for s in range(6)))
    pairs = [np.array([0, 3]), np.array([1, 4]), np.array([2, 5])]
    kept = keep_products(format, x, w, 4, pairs)
    assert np.isclose(refitted(kept), min(refitted(np.setdiff1d(np.arange(6), pair)) for pair in pairs))


def test_a_product_that_depends_on_others_is_dropped_first() -> None:
    s = strassen()
    x, w = np.concatenate([s.encode_x[:1], s.encode_x]), np.concatenate([s.encode_w[:1], s.encode_w])
    kept = keep_products(s.format, x, w, 7, [])
    assert relative_error(s.format, x[kept], w[kept], least_squares_decoder(s.format, x[kept], w[kept]).T) < 1e-20


def test_truncation_keeps_what_matters_most() -> None:
    """Of products that each compute one output entry alone, those of the largest share stay."""
    format = Format(1, 3, 1)
    encode_x = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    encode_w = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, -1, 0]])
    assert keep_products(format, encode_x, encode_w, 3, []).tolist() == [0, 1, 2]


def test_several_convolutions_do_better_than_each() -> None:
    format = Format(2, 2, 2)
    rng = np.random.default_rng(1)
    first, second = (GroupMaps(format, cyclic(5), rng.permutation(5)[:4], rng.permutation(5)[:4]) for _ in range(2))
    both = truncated_group_encoder(first, second, rank=7)
    assert both.rank == 7
    assert 7 == group_encoder(first).rank == group_encoder(second).rank
    assert both.relative_error < min(first.relative_error, second.relative_error)


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("C2 x C2 x C2", 8),
        ("C8", 2 + 3 * 3),
        ("Q8", 4 + 8),
        ("D4", 4 + 7),
        ("SD16", 4 + 7 + 3 * 7),
        ("A4", 1 + 23 + 3),
        ("F21", 1 + 3 + 3 * 23),
        ("F20", 2 + 49 + 3),
    ],
)
def test_ranks_of_group_algebras(name: str, rank: int) -> None:
    assert algebra_rank(group_by_name(name)) == rank


@pytest.mark.parametrize("algebra", [REALS, COMPLEXES, DivisionAlgebra((3,)), QUATERNIONS], ids=str)
@pytest.mark.parametrize("degree", [1, 2, 3])
def test_block_algorithms_multiply_matrices_over_division_algebras(degree: int, algebra: DivisionAlgebra) -> None:
    algorithm = block_algorithm(degree, algebra)
    assert algorithm.rank == matrix_scheme(degree).rank * algebra.algorithm.rank
    a, b = np.random.default_rng(degree).standard_normal((2, degree, degree, algebra.dimension))
    product = np.einsum("ija,jkb,abc->ikc", a, b, algebra.structure)
    computed = ((algorithm.left @ a.ravel()) * (algorithm.right @ b.ravel())) @ algorithm.output
    assert np.allclose(computed, product.ravel())


def test_maps_are_rebuilt_from_their_provenance() -> None:
    maps = _random_maps(Format(2, 3, 2), group_by_name("D4 x C2"), 1)
    written = json.loads(json.dumps(maps.provenance()))
    again = GroupMaps.from_provenance(maps.format, written)
    assert group_encoder(again) == group_encoder(maps)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"alpha": [0], "beta": [0]}, "name of a group"),
        ({"group": "C2", "alpha": [0], "beta": [[0], [1, 0]]}, "lists of numbers"),
        ({"group": "C2", "alpha": [0.5], "beta": [0]}, "by their numbers"),
        ({"group": "C2", "alpha": ["one"], "beta": [0]}, "by their numbers"),
        ({"group": "C2", "alpha": [2], "beta": [0]}, "elements 0 to 1"),
        ({"group": "C2", "alpha": [10**30], "beta": [0]}, "by their numbers"),
        ({"group": "C2", "alpha": [0, 1], "beta": [0]}, "needs 1 elements"),
        ({"group": "nothing", "alpha": [0], "beta": [0]}, "no group has the name"),
    ],
)
def test_damaged_provenance_is_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        GroupMaps.from_provenance(Format(1, 1, 1), data)


def test_bad_input() -> None:
    group = abelian(2, 2)
    with pytest.raises(InvalidInput, match="needs 4 elements"):
        GroupMaps(Format(2, 2, 2), group, np.zeros(3, dtype=np.int64), np.zeros(4, dtype=np.int64))
    with pytest.raises(InvalidInput, match="elements 0 to 3"):
        GroupMaps(Format(1, 1, 1), group, np.array([4]), np.array([0]))
    with pytest.raises(InvalidInput, match="distinct elements"):
        GroupMaps.from_subsets(group, [0, 0], [1], [2])
    with pytest.raises(InvalidInput, match="at least one"):
        GroupMaps.from_subsets(group, [], [1], [2])
    with pytest.raises(InvalidInput, match="outer sizes"):
        GroupMaps.from_triples(elementary_abelian(2, 3), [([0], [1], [2]), ([0, 1], [1], [2])])
    maps = _random_maps(Format(2, 2, 2), group, 0)
    with pytest.raises(InvalidInput, match="between 1 and 4, the number of products"):
        truncated_group_encoder(maps, rank=5)
    with pytest.raises(InvalidInput, match="give maps of one format"):
        truncated_group_encoder(maps, _random_maps(Format(1, 1, 1), group, 0), rank=2)


def test_progressions_share_out_all_products() -> None:
    exact = progression_maps(Format(2, 3, 4), 24, (1, 2, 6))  # digits of a mixed radix: no carries
    assert exact.exact
    assert group_encoder(exact).relative_error < 1e-20
    folded = progression_maps(Format(4, 4, 4), 16, (1, 4, 16))
    total, wanted = folded.collisions
    assert total.sum() == 256
    assert wanted.sum() == 64


@pytest.mark.parametrize("modulus", [5, 6, 7])
def test_the_best_progressions_are_the_best_of_all_steps(modulus: int) -> None:
    format = Format(2, 2, 3)
    best = best_progression_maps(format, modulus)
    errors = [progression_maps(format, modulus, steps).relative_error for steps in np.ndindex((modulus,) * 3)]
    assert np.isclose(best.relative_error, min(errors))


def test_no_cyclic_group_of_order_zero() -> None:
    with pytest.raises(InvalidInput, match="positive modulus"):
        progression_maps(Format(1, 1, 1), 0, (0, 0, 0))
    with pytest.raises(InvalidInput, match="positive modulus"):
        best_progression_maps(Format(1, 1, 1), 0)
