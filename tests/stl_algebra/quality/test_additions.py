"""Counting additions, and making encoders sparser."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra import Format, InvalidInput, TileEncoder, classical, kronecker, strassen
from stl_algebra.quality import count_additions, nonzeros, sparsest
from stl_algebra.quality.additions import additions_of
from stl_algebra.schemes import bini, laderman, winograd
from stl_algebra.symmetry import Symmetry, equivalent, invariants


@pytest.mark.parametrize(
    ("encoder", "naive", "total"),
    [
        (strassen(), 18, 18),
        (winograd(), 24, 15),
        (laderman(), 98, 62),
        (classical(Format(3, 4, 2)), 18, 18),
    ],
    ids=str,
)
def test_published_counts(encoder: TileEncoder, naive: int, total: int) -> None:
    counted = count_additions(encoder, restarts=40)
    assert counted.naive == naive
    assert counted.total <= total
    assert counted.total == counted.encode_x + counted.encode_w + counted.decode


def test_winograds_fifteen_are_four_four_seven() -> None:
    assert count_additions(winograd())[:3] == (4, 4, 7)


def test_rows_that_are_multiples_are_computed_once() -> None:
    rows = np.array([[1.0, 2.0, 3.0], [-2.0, -4.0, -6.0], [0.5, 1.0, 1.5]])
    assert additions_of((rows, rows, rows))[:3] == (2, 2, 2)


def test_kronecker_powers_cost_what_the_recursion_does_at_most() -> None:
    """The naive recursion of Winograd's form on 4×4: seven inner products at 15 additions, outer 15 on 2×2 blocks."""
    assert count_additions(kronecker(winograd(), winograd())).total <= 7 * 15 + 15 * 4


def test_approximate_encoders_are_counted_too() -> None:
    assert count_additions(bini().at(0.1)).total > 0


@pytest.mark.parametrize("start", [strassen(), winograd()], ids=["strassen", "winograd"])
def test_fewest_additions_in_the_orbit_of_strassen(start: TileEncoder) -> None:
    """15 is least for ⟨2,2,2⟩ with 7 products (Probert 1976; Bshouty 1995), and the search finds it."""
    found = sparsest(start, "additions", kicks=8)
    assert count_additions(found).total == 15
    assert found.exact
    assert invariants(found) == invariants(start)


def test_a_disguised_scheme_becomes_sparse_again() -> None:
    unimodular = [
        [[1, 0, 0], [2, 1, 0], [0, 1, 1]],
        [[1, 1, 0], [0, 1, 3], [0, 0, 1]],
        [[1, 0, 1], [0, 1, 0], [0, 1, 1]],
    ]
    disguised = Symmetry.of(Format(3, 3, 3), unimodular).apply(laderman())
    assert nonzeros(disguised) > nonzeros(laderman())
    found = sparsest(disguised, "nonzeros", kicks=10)
    assert nonzeros(found) == nonzeros(laderman())
    assert found.ring is laderman().ring
    assert equivalent(found, laderman())


def test_growth_as_a_measure_and_seeds() -> None:
    found = sparsest(winograd(), "growth", kicks=5, seed=3)
    assert found.growth <= 32
    assert found == sparsest(winograd(), "growth", kicks=5, seed=3)
    assert sparsest(classical(Format(1, 1, 1))) == classical(Format(1, 1, 1))


def test_what_cannot_be_made_sparser() -> None:
    with pytest.raises(InvalidInput, match="exact over the integers or rationals"):
        sparsest(bini().at(0.1))
    with pytest.raises(InvalidInput, match="unknown measure 'zeros'; choose one of nonzeros, additions, growth"):
        sparsest(strassen(), "zeros")  # type: ignore[arg-type]
