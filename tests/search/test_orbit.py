"""Moves between Z3-invariant encoders, and the population they start from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.cyclic_form import CyclicForm
from search.cyclic_model import CyclicModel
from search.objective import Objective
from search.orbit_moves import MOVES, random_form
from search.orbit_population import CAPACITY, OrbitPopulation
from search.strategy import Problem
from stl_algebra import Format, TileEncoder, strassen

FORMAT = Format(2, 2, 2)


def _encoder(form: CyclicForm) -> TileEncoder:
    u, v, w = CyclicModel(Objective(FORMAT, 0.0), *form.counts).factors(form.point)
    return TileEncoder(FORMAT, u, v, w.T)


@pytest.mark.parametrize("name", MOVES)
@settings(max_examples=15, deadline=None)
@given(fixed=st.integers(0, 3), triples=st.integers(0, 3), seed=st.integers(0, 10**6))
def test_a_move_leads_where_it_says_and_leaves_its_start_alone(name: str, fixed: int, triples: int, seed: int) -> None:
    move, offset, _ = MOVES[name]
    start = (fixed + offset[0], triples + offset[1])
    if min(start) < 0 or sum(start) == 0:
        return
    rng = np.random.default_rng(seed)
    form = random_form(*start, 4, rng)
    before = form.point[0].copy()
    moved = move(form, rng)
    assert moved.counts == (fixed, triples)
    assert np.isfinite(moved.point[0]).all()
    np.testing.assert_array_equal(form.point[0], before)


def test_splitting_and_joining_keep_the_matrices() -> None:
    rng = np.random.default_rng(0)
    form = random_form(0, 1, 4, rng)
    split = MOVES["split a triple"][0](form, rng)
    np.testing.assert_array_equal(split.fixed, form.triples[:, 0])
    joined = MOVES["join fixed products"][0](split, rng)
    assert {row.tobytes() for row in joined.triples[:, 0]} == {row.tobytes() for row in form.triples[:, 0]}


def test_what_is_added_is_invariant_again() -> None:
    form = random_form(2, 1, 4, np.random.default_rng(1))
    found = CyclicForm.of(_encoder(form))
    assert found is not None
    assert found.counts == (2, 1)


def test_the_first_target_is_what_dropping_orbits_reaches() -> None:
    population = OrbitPopulation(Problem(FORMAT, 4))
    assert population.members.keys() == {(1, 2)}
    assert {population.target(np.random.default_rng(seed)) for seed in range(10)} == {(1, 1)}


def test_the_best_of_every_split_are_kept() -> None:
    problem = Problem(FORMAT, 5)
    population = OrbitPopulation(problem)
    rng = np.random.default_rng(2)
    offered = [random_form(2, 1, 4, rng) for _ in range(CAPACITY + 4)]
    for form in offered:
        population.add(_encoder(form), form)
        population.add(_encoder(form), form)
    kept = [problem.cost(encoder) for encoder, _ in population.members[2, 1]]
    assert kept == sorted(problem.cost(_encoder(form)) for form in offered)[:CAPACITY]
    assert (1, 2) in population.members


def test_members_come_from_the_known_encoders() -> None:
    form = random_form(2, 1, 4, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    other = TileEncoder(FORMAT, *(rng.standard_normal((5, 4)) for _ in range(2)), rng.standard_normal((4, 5)))
    population = OrbitPopulation(Problem(FORMAT, 5, known=(_encoder(form), other, strassen())))
    assert population.members.keys() == {(1, 2), (2, 1)}
    assert population.draw((2, 1), rng)[0] == _encoder(form)
