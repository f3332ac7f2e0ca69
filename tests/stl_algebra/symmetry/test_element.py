"""The group laws of symmetries, and that they act on encoders without changing what these compute."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, kronecker, rotate, strassen, transpose
from stl_algebra.symmetry import Symmetry, matching

CUBE = Format(2, 2, 2)


@st.composite
def symmetries(draw: st.DrawFn, format: Format = CUBE) -> Symmetry:
    entries = st.integers(-3, 3)
    bases = []
    for size in format:
        matrix = np.array(draw(st.lists(entries, min_size=size * size, max_size=size * size))).reshape(size, size)
        assume(round(np.linalg.det(matrix)) != 0)
        bases.append(matrix)
    outer = format.is_cube
    rotation = draw(st.integers(0, 2)) if outer else 0
    return Symmetry.of(format, bases, rotation=rotation, transposed=outer and draw(st.booleans()))


ENCODERS = [strassen(), classical(CUBE), TileEncoder(CUBE, *np.random.default_rng(1).standard_normal((3, 4, 4)))]


@given(symmetries(), symmetries(), st.sampled_from(ENCODERS))
def test_acting_by_a_composite_is_acting_twice(g: Symmetry, h: Symmetry, encoder: TileEncoder) -> None:
    together, in_turn = (g @ h).apply(encoder), g.apply(h.apply(encoder))
    assert matching(together, in_turn) is not None
    assert together.exact == in_turn.exact == encoder.exact


@given(symmetries(), symmetries(), symmetries())
def test_group_laws(a: Symmetry, b: Symmetry, c: Symmetry) -> None:
    assert (a @ b) @ c == a @ (b @ c)
    identity = Symmetry.of(CUBE)
    assert a @ identity == identity @ a == a
    assert a @ a.inverse() == a.inverse() @ a == identity
    assert (a @ b).inverse() == b.inverse() @ a.inverse()


@given(symmetries(Format(2, 3, 1)))
def test_a_change_of_basis_keeps_rectangular_schemes_exact(g: Symmetry) -> None:
    encoder = classical(Format(2, 3, 1))
    moved = g.apply(encoder)
    assert moved.exact  # proved again, in exact arithmetic
    assert matching(g.inverse().apply(moved), encoder) is not None


def test_rotation_and_transposition_are_those_of_the_core() -> None:
    rotation, transposition = Symmetry.of(CUBE, rotation=1), Symmetry.of(CUBE, transposed=True)
    for encoder in ENCODERS:
        assert rotation.apply(encoder) == rotate(encoder)
        assert transposition.apply(encoder) == transpose(encoder)
    assert (rotation.order, transposition.order) == (3, 2)
    assert transposition @ rotation @ transposition == rotation @ rotation


def test_the_error_of_an_approximate_encoder_stays_only_under_isometries() -> None:
    encoder = ENCODERS[2]
    turn = Symmetry.of(CUBE, [[[0, -1], [1, 0]]] * 3, rotation=2)
    assert turn.apply(encoder).relative_error == pytest.approx(encoder.relative_error)
    shear = Symmetry.of(CUBE, [[[1, 3], [0, 1]], np.eye(2, dtype=int), np.eye(2, dtype=int)])
    assert shear.apply(encoder).relative_error != pytest.approx(encoder.relative_error, rel=0.01)


def test_bases_count_up_to_scalars() -> None:
    half = [[Fraction(-1, 2), 0], [0, Fraction(1, 2)]]
    assert Symmetry.of(CUBE, [half, np.eye(2, dtype=int), half]) == Symmetry.of(
        CUBE, [np.diag([1, -1]), 3 * np.eye(2, dtype=int), np.diag([-2, 2])]
    )


def test_over_gf2_matrices_act_modulo_two() -> None:
    bits = TileEncoder(CUBE, *(f % 2 for f in (strassen().encode_x, strassen().encode_w, strassen().decode)), Ring.GF2)
    shear = Symmetry.of(CUBE, [[[1, 3], [0, 1]], [[1, 0], [1, 1]], [[3, 1], [0, 1]]])
    assert shear.apply(bits).ring is Ring.GF2
    with pytest.raises(InvalidInput, match="even denominators does not act on encoders over GF"):
        Symmetry.of(CUBE, [np.diag([1, 2])] * 3).apply(bits)


def test_strassen_squared_moves_exactly() -> None:
    g = Symmetry.of(Format(4, 4, 4), [np.triu(np.ones((4, 4), dtype=int))] * 3, rotation=1, transposed=True)
    moved = g.apply(kronecker(strassen(), strassen()))
    assert (moved.ring, moved.rank) == (Ring.Z, 49)


@pytest.mark.parametrize(
    ("bases", "options", "sentence"),
    [
        ([np.eye(2), np.eye(3), np.eye(2)], {}, r"bases of sizes \(2, 3, 2\) do not fit the format 2x2x2"),
        ([np.ones((2, 3))] * 3, {}, "a basis must be a square matrix"),
        ([[["a"]]] * 3, {}, "a basis must be a square matrix of integers or fractions"),
        ([np.zeros((2, 2))] * 3, {}, "a basis of zeros is singular"),
    ],
)
def test_what_is_no_symmetry(bases: list, options: dict, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        Symmetry.of(CUBE, bases, **options)


def test_singular_bases_and_formats_that_do_not_return() -> None:
    with pytest.raises(InvalidInput, match="a basis is singular"):
        Symmetry.of(CUBE, [np.ones((2, 2), dtype=int)] * 3).apply(strassen())
    with pytest.raises(InvalidInput, match="rotation does not map the format 2x2x3 to itself"):
        Symmetry.of(Format(2, 2, 3), rotation=1)
    with pytest.raises(InvalidInput, match="transposition does not map the format 2x2x3 to itself"):
        Symmetry.of(Format(2, 2, 3), transposed=True)
    with pytest.raises(InvalidInput, match="a symmetry of 2x2x2 does not act on an encoder of 2x1x2"):
        Symmetry.of(CUBE).apply(classical(Format(2, 1, 2)))
