"""Exact constructions, and invariant encoders recognised."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.exact.exact_seeds import exact_seed, in_better_bases
from search.symmetric.invariant_form import InvariantForm, Structure, forms_of, largest_form, random_form
from search.symmetric.orbit_groups import orbit_groups, types_of
from stl_algebra import Format, InvalidInput, TileEncoder, classical, kronecker, strassen
from stl_algebra.symmetry import least_growth


@pytest.mark.parametrize("size", [1, 2, 3])
def test_constructions_are_exact_and_of_their_format(size: int) -> None:
    for n, p in product((1, 2, 4), (1, 3)):
        encoder = exact_seed(Format(n, size, p))
        assert encoder.exact
        assert encoder.format == (n, size, p)


#: Exact encoders whose growth falls for ever, as the bases run off: products that one subspace holds back.
WITHOUT_MINIMUM = [
    (
        Format(2, 2, 1),
        ["0--+", "00+0", "+000", "0+00"],
        ["0+", "++", "+0", "0+"],
        ["00++", "++0+"],
    ),
    (
        Format(3, 2, 1),
        ["0-00+0", "00-000", "00+0+0", "00+-00", "0000-+", "-000+0"],
        ["0+", "++", "++", "0+", "0+", "+0"],
        ["-++00-", "0-0-00", "0++0+0"],
    ),
]


@pytest.mark.parametrize(("format", "encode_x", "encode_w", "decode"), WITHOUT_MINIMUM, ids=lambda v: str(v)[:9])
def test_without_bases_of_least_growth_an_encoder_stays_as_it_is(
    format: Format, encode_x: list[str], encode_w: list[str], decode: list[str]
) -> None:
    matrices = ([["-0+".index(sign) - 1 for sign in row] for row in matrix] for matrix in (encode_x, encode_w, decode))
    exact = TileEncoder.from_exact(format, *matrices)
    assert exact.exact
    with pytest.raises(InvalidInput, match="no minimum"):
        least_growth(exact, 8)
    assert in_better_bases(exact) == exact


def test_with_bases_too_fine_an_encoder_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="too large"):
        least_growth(strassen(), 10**9 + 7)
    monkeypatch.setattr("search.exact.exact_seeds.least_growth", lambda encoder, _: least_growth(encoder, 10**9 + 7))
    assert in_better_bases(strassen()) == strassen()


@pytest.mark.parametrize(("size", "rank"), [(1, 1), (2, 7), (3, 23), (4, 49), (6, 161), (8, 343)])
def test_ranks_of_cubes(size: int, rank: int) -> None:
    assert exact_seed(Format(size, size, size)).rank == rank


FORMATS = [Format(2, 2, 2), Format(3, 3, 3), Format(4, 4, 4), Format(2, 3, 4), Format(2, 3, 2)]


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    format = draw(st.sampled_from(FORMATS))
    group = draw(st.sampled_from(list(orbit_groups(format))))
    types = types_of(format, group)
    chosen = draw(st.lists(st.integers(0, len(types) - 1), min_size=1, max_size=4))
    return Structure(format, group, tuple(chosen.count(k) for k in range(len(types))))


@settings(max_examples=30)
@given(structure=structures(), seed=st.integers(0, 10**6))
def test_an_invariant_encoder_is_recognised(structure: Structure, seed: int) -> None:
    form = random_form(structure, np.random.default_rng(seed))
    encoder = structure.space.encoder(form.point[0])
    found = InvariantForm.of(encoder, structure.group)
    assert found is not None
    assert found.structure.rank == structure.rank == encoder.rank
    again = found.structure.space.encoder(found.point[0])
    assert again.relative_error == pytest.approx(encoder.relative_error, rel=1e-7)
    largest = largest_form(encoder)
    assert largest is not None
    assert len(orbit_groups(structure.format)[largest.structure.group]) >= len(
        orbit_groups(structure.format)[structure.group]
    )


@pytest.mark.parametrize(
    ("encoder", "counts"),
    [(strassen(), (2, 1)), (kronecker(strassen(), strassen()), (16, 1)), (classical(Format(3, 3, 3)), (8, 3))],
)
def test_known_forms(encoder: TileEncoder, counts: tuple[int, int]) -> None:
    form = InvariantForm.of(encoder, "Z3")
    assert form is not None
    assert form.structure.counts == counts
    assert form.structure.space.encoder(form.point[0]).relative_error < 1e-20


def test_an_encoder_has_a_form_under_every_group_that_leaves_it_invariant() -> None:
    groups = {form.structure.group for form in forms_of(classical(Format(4, 4, 4)))}
    assert groups == set(orbit_groups(Format(4, 4, 4)))


def test_what_is_not_invariant_is_not_recognised() -> None:
    rng = np.random.default_rng(0)
    u, v, w = (rng.standard_normal((5, 4)) for _ in range(3))
    encoder = TileEncoder(Format(2, 2, 2), u, v, w.T)
    assert forms_of(encoder) == []
    assert largest_form(encoder) is None


def test_a_product_that_vanishes_has_no_form() -> None:
    u, v, w = (np.vstack([f, np.zeros(4)]) for f in strassen().factors)
    assert forms_of(TileEncoder(Format(2, 2, 2), u, v, w.T)) == []


def test_a_structure_in_words() -> None:
    assert str(Structure(Format(4, 4, 4), "Z3xcycle", (4, 0, 0, 0, 0, 4))) == "Z3xcycle: orbits 4 of 9, 4 of 1"


def test_a_format_of_one_entry_has_no_groups() -> None:
    assert orbit_groups(Format(1, 1, 1)) == {}
