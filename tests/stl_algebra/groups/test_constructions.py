"""Constructions give the groups they should, known isomorphisms among them."""

from __future__ import annotations

import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    alternating,
    are_isomorphic,
    centre,
    cyclic,
    dicyclic,
    dihedral,
    direct_product,
    elementary_abelian,
    frobenius,
    from_permutations,
    generalised_dihedral,
    groups_of_order,
    heisenberg,
    matrix_group,
    metacyclic,
    modular,
    semidihedral,
    semidirect_product,
    special_linear,
    subgroup_classes,
    subgroups,
    symmetric,
    symmetric_action,
    wreath_product,
)

SAME = [
    (symmetric(3), dihedral(3)),
    (symmetric(3), special_linear(2)),
    (symmetric(3), frobenius(3)),
    (dihedral(1), cyclic(2)),
    (dihedral(2), abelian(2, 2)),
    (dihedral(4), heisenberg(2)),
    (dihedral(4), wreath_product(cyclic(2), cyclic(2))),
    (dihedral(6), direct_product(cyclic(2), symmetric(3))),
    (dicyclic(1), cyclic(4)),
    (dicyclic(3), metacyclic(3, 4, 2)),
    (alternating(4), semidirect_product(abelian(2, 2), cyclic(3), [[0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2]])),
    (elementary_abelian(3, 2), abelian(3, 3)),
    (generalised_dihedral(cyclic(7)), dihedral(7)),
    (frobenius(7, 3), metacyclic(7, 3, 4)),
    (frobenius(5), metacyclic(5, 4, 3)),
    (
        special_linear(3),
        from_permutations([[1, 2, 3, 0, 5, 6, 7, 4], [4, 7, 6, 5, 2, 1, 0, 3], [0, 4, 2, 6, 5, 1, 7, 3]]),
    ),
    (symmetric(4), from_permutations([[1, 2, 3, 0], [1, 0]])),
    (
        wreath_product(cyclic(2), symmetric(3), symmetric_action(3)),
        direct_product(cyclic(2), symmetric(4)),  # the symmetries of a cube
    ),
]


@pytest.mark.parametrize(("first", "second"), SAME, ids=lambda g: g.name)
def test_isomorphic_constructions(first: FiniteGroup, second: FiniteGroup) -> None:
    assert are_isomorphic(first, second)


@pytest.mark.parametrize(
    ("group", "order", "centre_order"),
    [
        (symmetric(5), 120, 1),
        (alternating(5), 60, 1),
        (special_linear(5), 120, 2),
        (heisenberg(4), 64, 4),
        (frobenius(11), 110, 1),
        (wreath_product(cyclic(3), cyclic(3)), 81, 3),
        (semidihedral(32), 32, 2),
        (modular(32), 32, 8),
        (dicyclic(8), 32, 2),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_orders_and_centres(group: FiniteGroup, order: int, centre_order: int) -> None:
    assert group.order == order
    assert len(centre(group)) == centre_order


def test_subgroups_of_the_icosahedral_group() -> None:
    assert len(subgroups(alternating(5))) == 59
    assert len(subgroup_classes(alternating(5))) == 9


def test_as_many_abelian_groups_of_each_order_as_there_are() -> None:
    counts = [sum(group.is_abelian for group in groups_of_order(order)) for order in range(1, 32)]
    # OEIS A000688
    expected = [1, 1, 1, 2, 1, 1, 1, 3, 2, 1, 1, 2, 1, 1, 1, 5, 1, 2, 1, 2, 1, 1, 1, 3, 2, 1, 3, 2, 1, 1, 1]
    assert counts == expected


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cyclic(0), "order 0"),
        (lambda: dihedral(0), "positive number of corners"),
        (lambda: dicyclic(0), "positive n"),
        (lambda: elementary_abelian(4, 2), "4 is not a prime"),
        (lambda: elementary_abelian(3, 0), "at least one factor"),
        (lambda: frobenius(7, 4), "divisor of 6"),
        (lambda: metacyclic(8, 2, 2), "not 1 modulo 8"),
        (lambda: semidihedral(12), "power of two"),
        (lambda: symmetric(7), "1 to 6 points"),
        (lambda: from_permutations([[0, 0, 1]]), "not a permutation of 0 to 2"),
        (lambda: from_permutations([[1, 2, 3, 4, 5, 6, 0], [1, 0]]), "5040 elements"),
        (lambda: matrix_group("big", 101, [((1, 1), (0, 1)), ((1, 0), (1, 1))]), "more than 2048"),
        (lambda: matrix_group("singular", 4, [((2, 0), (0, 1))]), "inverses fail"),
        (lambda: generalised_dihedral(symmetric(3)), "not abelian"),
        (direct_product, "at least one factor"),
        (lambda: semidirect_product(cyclic(3), cyclic(2), [[0, 1, 2]]), r"shape \(2, 3\)"),
        (lambda: semidirect_product(cyclic(3), cyclic(2), [[0, 1, 2], [1, 0, 2]]), "automorphism"),
        (lambda: semidirect_product(cyclic(3), cyclic(2), [[0, 2, 1], [0, 2, 1]]), "not a homomorphism"),
        (lambda: wreath_product(cyclic(2), cyclic(2), [[0, 1], [1, 1]]), "permutation of 2 places"),
        (lambda: wreath_product(cyclic(12), cyclic(4)), "more than 2048"),
    ],
)
def test_refused(build: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        build()  # type: ignore[operator]
