"""Moves between invariant encoders, and the population they start from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.local.refinement import penalty_scales_from
from search.problem import Problem
from search.running.exploration import explore
from search.stop import Stop
from search.strategies.orbit import OrbitSearch
from search.symmetric.invariant_form import InvariantForm, Structure, forms_of, random_form
from search.symmetric.orbit_moves import (
    EXCHANGED,
    drop_orbit,
    fills,
    neighbours,
    random_structure,
    replace_orbits,
    shake,
    towards,
)
from search.symmetric.orbit_population import CAPACITY, OrbitPopulation
from stl_algebra import Format, Precision, TileEncoder, classical, strassen
from tests.search.exact.test_seeds_and_forms import structures

FORMAT = Format(2, 2, 2)


def _z3(triples: int, fixed: int) -> Structure:
    return Structure(FORMAT, "Z3", (triples, fixed))


def _encoder(form: InvariantForm) -> TileEncoder:
    return form.structure.space.encoder(form.point[0])


@settings(max_examples=30)
@given(structure=structures(), change=st.integers(-6, 6), seed=st.integers(0, 10**6))
def test_neighbours_have_the_rank_and_are_reached(structure: Structure, change: int, seed: int) -> None:
    rank = structure.rank + change
    rng = np.random.default_rng(seed)
    form = random_form(structure, rng)
    before = form.point[0].copy()
    found = list(neighbours(structure, rank)) if rank > 0 else []
    assert len(set(found)) == len(found)
    assert structure not in found
    for target in found[:5]:
        assert target.rank == rank
        differences = np.array(target.counts) - np.array(structure.counts)
        assert np.sum(differences > 0) <= 1
        assert np.sum(differences < 0) <= 1
        moved = towards(form, target, rng)
        assert moved.structure == target
        assert np.isfinite(moved.point[0]).all()
        # What remains of every type are orbits of the start.
        for block, old in zip(moved.orbits, form.orbits, strict=True):
            kept = {row.tobytes() for row in block} & {row.tobytes() for row in old}
            assert len(kept) == min(len(block), len(old))
    np.testing.assert_array_equal(form.point[0], before)


def test_splitting_a_triple_and_joining_fixed_products_are_exchanges() -> None:
    assert _z3(1, 4) in list(neighbours(_z3(2, 1), 7))
    assert _z3(2, 1) in list(neighbours(_z3(1, 4), 7))
    assert EXCHANGED >= 3


@settings(max_examples=30)
@given(structure=structures(), seed=st.integers(0, 10**6))
def test_replacing_and_shaking_stay_in_the_structure(structure: Structure, seed: int) -> None:
    rng = np.random.default_rng(seed)
    form = random_form(structure, rng)
    before = form.point[0].copy()
    for move in (replace_orbits, shake):
        moved = move(form, rng)
        assert moved.structure == structure
        assert not np.array_equal(moved.point[0], before)
    np.testing.assert_array_equal(form.point[0], before)


@settings(max_examples=30)
@given(structure=structures(), longest=st.integers(0, 9), seed=st.integers(0, 10**6))
def test_dropping_an_orbit_drops_one_that_is_short_enough(structure: Structure, longest: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    form = random_form(structure, rng)
    smaller = drop_orbit(form, longest, rng)
    lengths = form.structure.rank - smaller.structure.rank
    assert 0 <= lengths <= longest
    assert (lengths == 0) == (smaller is form)
    if lengths:
        assert sum(smaller.structure.counts) == sum(structure.counts) - 1


@settings(max_examples=30)
@given(structure=structures(), rank=st.integers(1, 60), seed=st.integers(0, 10**6))
def test_random_structures_have_the_rank(structure: Structure, rank: int, seed: int) -> None:
    found = random_structure(structure, rank, np.random.default_rng(seed))
    if found is not None:
        assert found.rank == rank
        assert (found.format, found.group) == (structure.format, structure.group)
    else:
        assert not fills(structure.format, structure.group, rank)


def test_a_random_structure_is_found_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long orbits drawn first would leave a rest that no orbit fills: 13 = 5 + 4 + 4, but not 5 + 5 + 3."""
    monkeypatch.setattr("search.symmetric.orbit_moves._lengths", lambda *_: np.array([5, 4]))
    none = Structure(FORMAT, "Z3", (0, 0))
    found = [random_structure(none, 13, np.random.default_rng(seed)) for seed in range(20)]
    assert {structure.counts for structure in found if structure is not None} == {(1, 2)}
    assert None not in found
    assert random_structure(none, 11, np.random.default_rng(0)) is None


def test_what_is_added_is_invariant_again() -> None:
    form = random_form(_z3(1, 2), np.random.default_rng(1))
    found = InvariantForm.of(_encoder(form), "Z3")
    assert found is not None
    assert found.structure == form.structure


def test_the_best_of_every_structure_are_kept() -> None:
    problem = Problem(FORMAT, 5)
    population = OrbitPopulation(problem)
    rng = np.random.default_rng(2)
    offered = [random_form(_z3(1, 2), rng) for _ in range(CAPACITY + 4)]
    for form in offered:
        population.add(_encoder(form), [form])
        population.add(_encoder(form), [form])
    kept = [problem.cost(encoder) for encoder, _ in population.members[_z3(1, 2)]]
    assert kept == sorted(problem.cost(_encoder(form)) for form in offered)[:CAPACITY]
    assert population.of_rank(5) == [_z3(1, 2)]
    assert _z3(2, 1) in population.of_rank(7)


def test_members_come_from_the_known_encoders() -> None:
    form = random_form(_z3(1, 2), np.random.default_rng(3))
    rng = np.random.default_rng(4)
    other = TileEncoder(FORMAT, *(rng.standard_normal((5, 4)) for _ in range(2)), rng.standard_normal((4, 5)))
    population = OrbitPopulation(Problem(FORMAT, 5, known=(_encoder(form), other, strassen())))
    assert {s for s in population.members if s.group == "Z3"} == {_z3(2, 1), _z3(1, 2)}
    assert population.draw(_z3(1, 2), rng)[0] == _encoder(form)


def test_a_member_belongs_to_every_group_that_leaves_it_invariant() -> None:
    structure = Structure(Format(3, 3, 3), "Z3xcycle", (1, 1, 0, 0, 0, 0))
    encoder = structure.space.encoder(random_form(structure, np.random.default_rng(5)).point[0])
    population = OrbitPopulation(Problem(Format(3, 3, 3), 12, known=(encoder,)))
    assert (
        {s.group for s in population.of_rank(12)}
        == {"Z3", "Z3xcycle"}
        == {form.structure.group for form in forms_of(encoder)}
    )


def test_structures_are_drawn_by_how_good_their_best_is() -> None:
    problem = Problem(FORMAT, 7)
    population = OrbitPopulation(problem)
    rng = np.random.default_rng(6)
    bad = random_form(_z3(1, 4), rng)
    population.add(_encoder(bad), [bad])
    drawn = [population.draw_structure(population.of_rank(7), rng) for _ in range(50)]
    assert drawn.count(_z3(1, 4)) < 5


def test_known_encoders_are_first_minimised_for_the_precision() -> None:
    """Half of the classical algorithm, shrunk as bf16 asks for, grows to what fp32 asks for.

    Its products are orthogonal, so that each is best by itself: c of it costs (1 − c)² + ρ²c², least at 1/(1 + ρ²).
    """
    coarse = Problem(FORMAT, 4)
    u, v, w = (factor[[0, 1, 2, 4]] for factor in classical(FORMAT).factors)  # invariant under rotation
    made = TileEncoder(FORMAT, u, v, w.T / (1 + coarse.objective().penalty))
    fine = Problem(FORMAT, 4, Precision.parse("fp32"), known=(made,))
    first = next(iter(explore(OrbitSearch(), fine, np.random.default_rng(1), Stop(trials=1))))
    assert first.details["move"] == "polish"
    assert first.parents == (made.digest,)
    assert first.encoder.growth > made.growth
    assert first.encoder.growth == pytest.approx(4 / (1 + fine.objective().penalty) ** 2, rel=1e-6)
    assert first.encoder.relative_error < made.relative_error


def test_emphases_descend_to_one_from_where_the_encoder_was_made() -> None:
    problem = Problem(FORMAT, 5, Precision.parse("fp32"))
    encoder = _encoder(random_form(_z3(1, 2), np.random.default_rng(3)))
    penalty_scales = penalty_scales_from(problem, encoder)
    assert penalty_scales[-1] == 1.0
    assert len(penalty_scales) == 9  # a residual beyond any rounding: eight tens at most
    assert penalty_scales_from(Problem(FORMAT, 7), strassen()) == (1.0,)
