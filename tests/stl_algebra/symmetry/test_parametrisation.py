"""Parametrised encoders are invariant, all invariant ones are reached, and gradients pull back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from stl_algebra import Format, InvalidInput, TileEncoder, balance, classical, kronecker, residual, strassen
from stl_algebra.schemes import laderman
from stl_algebra.symmetry import (
    Parametrisation,
    Symmetry,
    conjugation,
    fit_orbits,
    is_invariant,
    matching,
    named_subgroups,
    orbit_types,
    orbits,
    parametrise,
    symmetry_group,
)

GROUPS = [
    (format, name)
    for format in (Format(2, 2, 2), Format(3, 3, 3), Format(2, 3, 2), Format(1, 2, 3))
    for name in named_subgroups(format)
    if name not in ("Z3xflipxsign", "Z3xS3", "Z3:transposexflip") or format.n == 2
]


@pytest.mark.parametrize(("format", "name"), GROUPS, ids=str)
def test_every_orbit_type_gives_an_orbit_of_that_kind(format: Format, name: str) -> None:
    group = named_subgroups(format)[name]
    generator = np.random.default_rng(4)
    for kind in orbit_types(group):
        assert len(group) == kind.length * len(kind.stabiliser)
        space = parametrise(group, [(kind, 2)])
        assert (space.rank, space.parameters) == (2 * kind.length, 2 * kind.parameters)
        encoder = space.encoder(space.random_point(generator))
        assert all(is_invariant(encoder, g) for g in group)
        found = orbits(encoder, group)
        # A generic representative has no larger stabiliser, unless its two factors are one number each.
        assert len(found) == 2 or format.n == 1
        assert sum(len(orbit.products) for orbit in found) == space.rank


@pytest.mark.parametrize("name", ["Z3", "Z3:transpose", "Z2xZ2", "twisted-Z3"])
def test_gradients_pull_back(name: str) -> None:
    format = Format(4, 4, 4)
    group = named_subgroups(format)[name]
    kinds = orbit_types(group)
    space = parametrise(group, [(kinds[0], 2), (kinds[-1], 1)])
    generator = np.random.default_rng(2)
    point, direction = space.random_point(generator), space.random_point(generator)
    gradients = tuple(generator.standard_normal(f.shape) for f in space.factors(point))
    # <g, A direction> = <Aᵀ g, direction>
    ahead = sum(float(np.sum(g * f)) for g, f in zip(gradients, space.factors(direction), strict=True))
    assert ahead == pytest.approx(space.pull_back(gradients) @ direction)


def test_representatives_are_enough_for_the_gradient() -> None:
    format = Format(3, 3, 3)
    for name in ("Z3", "Z3xflip", "Z3:transpose"):
        group = named_subgroups(format)[name]
        space = parametrise(group, [(kind, 1) for kind in orbit_types(group)])
        point = space.random_point(np.random.default_rng(1), 0.3)
        whole = space.pull_back(_gradients(space, point))
        rows = np.isin(np.arange(space.rank), space.first)
        lengths = np.diff([*space.first, space.rank]).astype(float)
        kept = tuple(g * rows[:, None] for g in _gradients(space, point))
        per_parameter = np.repeat(lengths, np.diff(space.offsets))
        np.testing.assert_allclose(space.pull_back(kept) * per_parameter, whole, atol=1e-9)


def _gradients(space: Parametrisation, point: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of half the squared residual, in u, v and w."""
    u, v, w = space.factors(point)
    r = residual(space.format, u, v, w)
    return (
        np.einsum("abc,sb,sc->sa", r, v, w),
        np.einsum("abc,sa,sc->sb", r, u, w),
        np.einsum("abc,sa,sb->sc", r, u, v),
    )


def test_least_squares_in_the_invariant_space_finds_rank_seven() -> None:
    """From random points, among Z3-invariant encoders with one fixed product and two triples."""
    format = Format(2, 2, 2)
    group = named_subgroups(format)["Z3"]
    triples, fixed = orbit_types(group)
    space = parametrise(group, [(fixed, 1), (triples, 2)])
    generator = np.random.default_rng(0)

    def residuals(point: np.ndarray) -> np.ndarray:
        return residual(format, *space.factors(point)).ravel()

    errors = [
        space.encoder(least_squares(residuals, space.random_point(generator), max_nfev=100).x).relative_error
        for _ in range(8)
    ]
    assert min(errors) < 1e-12


def test_layout_of_orbits() -> None:
    format = Format(4, 4, 4)
    group = named_subgroups(format)["Z3"]
    triples, fixed = orbit_types(group)
    space = parametrise(group, [(fixed, 4), (triples, 12)])
    assert space.rank == 40
    assert space.first.tolist() == [0, 1, 2, 3, *range(4, 40, 3)]
    assert space.orbit_of[:7].tolist() == [0, 1, 2, 3, 4, 4, 4]
    assert np.diff(space.offsets).tolist() == [16] * 4 + [48] * 12
    u, v, w = space.factors(space.random_point(np.random.default_rng(0)))
    np.testing.assert_array_equal(u[:4], v[:4])  # a⊗a⊗a, with the third factor transposed in D
    np.testing.assert_array_equal(u[:4], w[:4].reshape(4, 4, 4).transpose(0, 2, 1).reshape(4, 16))
    for map in space.maps:  # signed permutations: at most one entry a row, ±1
        assert np.diff(map.indptr).max() == 1
        assert set(np.unique(map.data)) <= {-1.0, 1.0}


@pytest.mark.parametrize(
    ("encoder", "name", "lengths"),
    [
        (strassen(), "Z3", [1, 3, 3]),
        (strassen(), "S3", [1, 6]),
        (strassen(), "Z3xS3", [1, 6]),
        (kronecker(strassen(), strassen()), "Z3", [1] + [3] * 16),
        (classical(Format(3, 3, 3)), "Z3:transpose", None),
        (classical(Format(3, 3, 3)), "Z3xS3", None),
        (balance(classical(Format(2, 3, 2))), "transpose", None),
        (classical(Format(2, 3, 4)), "flipxsign", None),
    ],
    ids=str,
)
def test_invariant_encoders_are_points(encoder, name: str, lengths: list[int] | None) -> None:
    group = named_subgroups(encoder.format)[name]
    space, point = fit_orbits(encoder, group)
    assert matching(space.encoder(point), encoder) is not None
    found = sorted(kind.length for kind, count in space.structure for _ in range(count))
    assert found == sorted(len(orbit.products) for orbit in orbits(encoder, group))
    assert lengths is None or found == lengths


@pytest.mark.parametrize(
    ("encoder", "order", "lengths", "parameters"),
    [(strassen(), 12, [1, 6], 8), (laderman(), 24, [1, 4, 4, 6, 8], 34)],
    ids=["strassen", "laderman"],
)
def test_a_scheme_is_a_point_of_few_parameters_under_its_own_group(
    encoder: TileEncoder, order: int, lengths: list[int], parameters: int
) -> None:
    group = symmetry_group(encoder)
    assert len(group) == order
    space, point = fit_orbits(encoder, group)
    assert sorted(kind.length for kind, count in space.structure for _ in range(count)) == lengths
    assert space.parameters == parameters
    assert space.encoder(point).relative_error < 1e-25


def test_bad_structures() -> None:
    group = named_subgroups(Format(2, 2, 2))["Z3"]
    kind = orbit_types(group)[0]
    for structure in ([], [(kind, 0)], [(kind, -1)]):
        with pytest.raises(InvalidInput, match="at least one orbit and no negative counts"):
            parametrise(group, structure)


def test_bad_groups() -> None:
    square = Format(2, 2, 2)
    with pytest.raises(InvalidInput, match="not closed under composition; use `generate`"):
        orbit_types((Symmetry.of(square), Symmetry.of(square, rotation=1)))
    with pytest.raises(InvalidInput, match="determinant ±1; conjugate the group into integer matrices"):
        orbit_types((Symmetry.of(square), conjugation(square, [[0, 2], [1, 0]])))
