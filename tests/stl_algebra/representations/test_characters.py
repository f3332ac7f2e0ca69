"""Character tables are exact: orthogonality in cyclotomic integers, and tables from the literature."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from stl_algebra.groups import FiniteGroup, alternating, conjugacy_classes, cyclic, library, symmetric
from stl_algebra.representations import character_table


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_row_orthogonality_in_cyclotomic_integers(group: FiniteGroup) -> None:
    """Σ_j |C_j| χ_a(C_j) conj χ_b(C_j) = |G| δ, as polynomials in ζ modulo the cyclotomic polynomial."""
    table, e = character_table(group), group.exponent
    sizes = np.array([len(c) for c in conjugacy_classes(group)])
    products = np.zeros((len(sizes), len(sizes), e), dtype=np.int64)
    for shift in range(e):  # ζ^(k+shift) conj ζ^k
        rolled = np.roll(table.multiplicities, -shift, axis=2)
        products[:, :, shift] = np.einsum("ajk,j,bjk->ab", rolled, sizes, table.multiplicities)
    x = sympy.Symbol("x")
    cyclotomic = [int(c) for c in reversed(sympy.Poly(sympy.cyclotomic_poly(e, x), x).all_coeffs())]
    degree = len(cyclotomic) - 1
    for power in range(e - 1, degree - 1, -1):  # reduce ζ^power by the monic cyclotomic polynomial
        products[:, :, power - degree : power] -= products[:, :, power, None] * np.array(cyclotomic[:-1])
        products[:, :, power] = 0
    expected = np.zeros_like(products)
    expected[:, :, 0] = group.order * np.eye(len(sizes), dtype=np.int64)
    assert np.array_equal(products, expected)


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_degrees(group: FiniteGroup) -> None:
    degrees = character_table(group).degrees
    assert len(degrees) == len(conjugacy_classes(group))
    assert int(np.sum(degrees**2)) == group.order
    assert all(group.order % d == 0 for d in degrees)


def test_symmetric_group_on_four_points_has_the_known_table() -> None:
    rows = {tuple(row) for row in character_table(symmetric(4)).exact().tolist()}
    sizes = [len(c) for c in conjugacy_classes(symmetric(4))]
    orders = [int(symmetric(4).element_orders[c[0]]) for c in conjugacy_classes(symmetric(4))]
    column = {(1, 1): 0, (6, 2): 1, (3, 2): 2, (8, 3): 3, (6, 4): 4}
    order = [column[key] for key in zip(sizes, orders, strict=True)]
    known = [(1, 1, 1, 1, 1), (1, -1, 1, 1, -1), (2, 0, 2, -1, 0), (3, 1, -1, 0, -1), (3, -1, -1, 0, 1)]
    assert rows == {tuple(row[i] for i in order) for row in known}


def test_golden_ratio_of_the_icosahedral_group() -> None:
    entries = set(character_table(alternating(5)).exact())
    half = sympy.Rational(1, 2)
    assert {sympy.expand(half + sympy.sqrt(5) / 2), sympy.expand(half - sympy.sqrt(5) / 2)} <= entries


def test_exact_values_agree_with_floating_point() -> None:
    table = character_table(cyclic(7))
    exact = np.array(table.exact().evalf().tolist(), dtype=np.complex128)
    assert np.allclose(exact, table.values)
