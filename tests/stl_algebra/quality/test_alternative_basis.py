"""Sparse cores between changes of basis."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, TileEncoder, classical, strassen
from stl_algebra.quality import alternative_basis, nonzeros
from stl_algebra.quality.additions import coefficient_rows
from stl_algebra.quality.alternative_basis import SparseFactor, sparsified
from stl_algebra.quality.elimination import transposed_rows
from stl_algebra.schemes import bini, laderman, winograd
from stl_algebra.symmetry import Symmetry


@pytest.mark.parametrize("encoder", [strassen(), winograd()], ids=["strassen", "winograd"])
def test_two_by_two_needs_twelve_additions(encoder: TileEncoder) -> None:
    """Twelve is least for seven products (Karstadt, Schwartz, 2020)."""
    found = alternative_basis(encoder)
    assert (found.nonzeros, found.naive, found.additions) == (30, 12, 12)


@pytest.mark.parametrize("encoder", [strassen(), laderman(), classical(Format(2, 3, 2))], ids=str)
def test_core_times_basis_is_the_encoder(encoder: TileEncoder) -> None:
    found = alternative_basis(encoder, restarts=1, seed=3)
    x, w, d = coefficient_rows(encoder)
    assert found.encode_x.multiplied() == x
    assert found.encode_w.multiplied() == w
    assert transposed_rows(found.decode.multiplied(), encoder.format.sizes[2]) == d
    for factor, size in zip((found.encode_x, found.encode_w, found.decode), encoder.format.sizes, strict=True):
        assert _rank(factor.basis, size) == size
    assert found.additions <= found.naive
    assert found.nonzeros <= nonzeros(encoder)
    assert found == alternative_basis(encoder, restarts=1, seed=3)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(-2, 2)), max_size=4))
def test_a_disguise_costs_nothing(moves: list[tuple[int, int, int]]) -> None:
    """Any unimodular change of basis of Strassen's algorithm has the same cores of 30 nonzeros."""
    basis = [[1, 0], [0, 1]]
    for i, j, times in moves:
        if i != j:
            basis[i] = [a + times * b for a, b in zip(basis[i], basis[j], strict=True)]
    disguised = Symmetry.of(Format(2, 2, 2), [basis, [[1, 0], [0, 1]], basis]).apply(strassen())
    assert alternative_basis(disguised, restarts=0).nonzeros == 30


def test_what_has_no_alternative_basis() -> None:
    with pytest.raises(InvalidInput, match="exact over the integers or rationals"):
        alternative_basis(bini().at(0.1))


def test_any_matrix_is_a_core_times_a_basis() -> None:
    one = Fraction(1)
    dependent = [{0: one, 1: one}, {0: one, 1: one}]
    assert sparsified(dependent, 2).multiplied() == dependent
    assert sparsified([{0: one}], 1) == SparseFactor([{0: one}], [{0: one}])


def _rank(rows: list[dict[int, Fraction]], columns: int) -> int:
    """The rank over the rationals, by elimination."""
    left, rank = [dict(row) for row in rows], 0
    for column in range(columns):
        pivot = next((row for row in left if column in row), None)
        if pivot is None:
            continue
        left = [row for row in left if row is not pivot]
        rank += 1
        for row in left:
            if factor := row.get(column, Fraction(0)) / pivot[column]:
                for j, v in pivot.items():
                    row[j] = row.get(j, Fraction(0)) - factor * v
        left = [{j: v for j, v in row.items() if v} for row in left]
    return rank
