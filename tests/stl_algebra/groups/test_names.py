"""Names are read back to the very same tables."""

from __future__ import annotations

import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    alternating,
    cyclic,
    dicyclic,
    dihedral,
    direct_product,
    elementary_abelian,
    group_by_name,
    heisenberg,
    library,
    modular,
    semidihedral,
    special_linear,
    symmetric,
)

LARGER = [
    cyclic(61),
    dihedral(20),
    dicyclic(8),
    dicyclic(10),
    symmetric(5),
    alternating(5),
    heisenberg(4),
    special_linear(5),
    semidihedral(32),
    modular(64),
    elementary_abelian(2, 6),
    abelian(8, 8),
    direct_product(dihedral(4), abelian(2, 2)),
    direct_product(group_by_name("C4 o D4"), group_by_name("F21")),
    direct_product(group_by_name("C3^2 : C2"), cyclic(2)),
    direct_product(special_linear(3), cyclic(2)),
]


@pytest.mark.parametrize("group", [*library(), *LARGER], ids=lambda g: g.name)
def test_names_are_read_back(group: FiniteGroup) -> None:
    found = group_by_name(group.name)
    assert found == group
    assert found.name == group.name


@pytest.mark.parametrize(
    "name", ["M11", "C0", "C99999999999999", "D", "Q10", "C4^2", "C2^40", "S9", "", "C2 x ", "x", "E8 x C2"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        group_by_name(name)
