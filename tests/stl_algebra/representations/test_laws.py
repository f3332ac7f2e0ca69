"""The laws of representations and of the Wedderburn transform, on every listed group and some larger ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from stl_algebra.groups import (
    FiniteGroup,
    abelian,
    alternating,
    class_of,
    conjugacy_classes,
    cyclic,
    dicyclic,
    dihedral,
    direct_product,
    elementary_abelian,
    heisenberg,
    library,
    semidihedral,
    symmetric,
    wreath_product,
)
from stl_algebra.representations import (
    WedderburnTransform,
    convolve,
    frobenius_schur_indicator,
    norm,
    rational_form,
    real_irreducibles,
    wedderburn,
)

LARGER = (
    elementary_abelian(2, 5),
    semidihedral(32),
    direct_product(symmetric(3), symmetric(3)),
    direct_product(dicyclic(2), dihedral(3)),
    alternating(5),
    cyclic(64),
    dihedral(32),
    dicyclic(16),
    elementary_abelian(2, 6),
    heisenberg(4),
    direct_product(dicyclic(2), dicyclic(2)),
    wreath_product(cyclic(2), cyclic(4)),
)
GROUPS = [pytest.param(group, id=group.name) for group in (*library(), *LARGER)]
TOLERANCE = 1e-10


@pytest.mark.parametrize("group", GROUPS)
def test_irreducibles(group: FiniteGroup) -> None:
    irreducibles = real_irreducibles(group)
    assert sum(r.size for r in irreducibles) == group.order
    assert np.allclose(irreducibles[0].character, 1.0)
    for r in irreducibles:
        for g in group.generators:  # a homomorphism, orthogonal
            assert np.abs(r.matrices @ r.matrices[g] - r.matrices[group.table[:, g]]).max() < TOLERANCE
        identity = np.eye(r.dimension)
        assert np.abs(r.matrices @ r.matrices.transpose(0, 2, 1) - identity).max() < TOLERANCE
        # the Frobenius–Schur type: by the indicator and by the dimension of the commutant
        assert np.isclose(frobenius_schur_indicator(group, r.character), {1: 1, 2: 0, 4: -2}[r.algebra.dimension])
        assert np.isclose(norm(r.character), r.algebra.dimension)
        assert np.isclose(norm(r.complex_character), 1)
        indicator = frobenius_schur_indicator(group, r.complex_character)
        assert np.isclose(indicator, {"real": 1, "complex": 0, "quaternionic": -1}[r.algebra.type])
    for first, second in combinations(irreducibles, 2):
        assert abs(first.character @ second.character) < TOLERANCE * group.order


@pytest.mark.parametrize("group", GROUPS)
def test_schur_orthogonality(group: FiniteGroup) -> None:
    """Σ_g ρ(g)_ab σ(g)_cd / |G| vanishes for ρ ≠ σ; for the entries over K of one ρ it is δ δ δ / (d·k)."""
    columns = np.concatenate([r.entries.reshape(group.order, -1) for r in real_irreducibles(group)], axis=1)
    weights = np.concatenate([np.full(r.size, r.dimension) for r in real_irreducibles(group)])
    gram = columns.T @ columns / group.order
    assert np.abs(gram - np.diag(1 / weights)).max() < TOLERANCE


@pytest.mark.parametrize("group", GROUPS)
def test_wedderburn_transform(group: FiniteGroup) -> None:
    _check_transform(wedderburn(group))


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_rational_wedderburn_transform(group: FiniteGroup) -> None:
    _check_transform(wedderburn(group, rational=True))


def _check_transform(transform: WedderburnTransform) -> None:
    group = transform.group
    assert np.abs(transform.inverse @ transform.forward - np.eye(group.order)).max() < TOLERANCE
    first, second = np.random.default_rng(group.order).standard_normal((2, group.order))
    block_product = transform.multiply(transform.transform(first), transform.transform(second))
    expected = convolve(group, first, second)
    assert np.abs(transform.transform(expected) - block_product).max() < TOLERANCE * group.order
    assert np.abs(transform.invert(block_product) - expected).max() < TOLERANCE * group.order


def test_transform_of_a_stack() -> None:
    transform = wedderburn(symmetric(3))
    stack = np.random.default_rng(1).standard_normal((2, 5, 6))
    product = transform.multiply(transform.transform(stack[0]), transform.transform(stack[1]))
    for index in range(5):
        assert np.allclose(
            transform.invert(product)[index], convolve(transform.group, stack[0, index], stack[1, index])
        )


@pytest.mark.parametrize("group", library(), ids=lambda g: g.name)
def test_as_many_irreducibles_as_classes_closed_under_inversion(group: FiniteGroup) -> None:
    label = class_of(group)
    inverse_pairs = {frozenset((int(label[g]), int(label[h]))) for g, h in enumerate(group.inverses)}
    assert len(real_irreducibles(group)) == len(inverse_pairs)
    complex_count = sum(1 + (r.algebra.type == "complex") for r in real_irreducibles(group))
    assert complex_count == len(conjugacy_classes(group))


def test_groups_with_one_table_keep_their_names() -> None:
    names = [wedderburn(g).describe().split(" = ")[0] for g in (elementary_abelian(2, 2), abelian(2, 2))]
    assert names == ["R[C2^2]", "R[C2 x C2]"]


KNOWN_BLOCKS = {
    "C5": "R + C + C",
    "D5": "R + R + M2(R) + M2(R)",
    "Q8": "R + R + R + R + H",
    "A4": "R + M3(R) + C",
    "Q16": "R + R + R + R + M2(R) + H + H",
    "SD16": "R + R + R + R + M2(R) + M2(C)",
    "S4": "R + R + M2(R) + M3(R) + M3(R)",
    "SL(2,3)": "R + M3(R) + C + M2(C) + H",
    "F21": "R + C + M3(C)",
    "F20": "R + R + M4(R) + C",
}


@pytest.mark.parametrize("name", KNOWN_BLOCKS)
def test_known_decompositions(name: str) -> None:
    group = next(g for g in library() if g.name == name)
    assert wedderburn(group).describe() == f"R[{name}] = {KNOWN_BLOCKS[name]}"


@pytest.mark.parametrize("name", ["S4", "A4", "SD16", "SL(2,3)", "F21", "He3", "C2 x Q8", "C3 : D4", "F20"])
def test_rational_forms_are_isomorphic_and_rational(name: str) -> None:
    group = next(g for g in library() if g.name == name)
    for r in real_irreducibles(group):
        form = rational_form(group, r)
        assert form is not None
        assert form.denominator is not None
        numerators = form.entries * form.denominator
        assert np.array_equal(numerators, np.rint(numerators))
        assert np.allclose(form.complex_character, r.complex_character)


@pytest.mark.parametrize(("name", "blocks"), [("C5", 2), ("D5", 2), ("Dic3", 1), ("C8", 2)])
def test_irrational_characters_have_no_rational_form(name: str, blocks: int) -> None:
    group = next(g for g in library() if g.name == name)
    assert sum(rational_form(group, r) is None for r in real_irreducibles(group)) == blocks
    assert not wedderburn(group, rational=True).rational
