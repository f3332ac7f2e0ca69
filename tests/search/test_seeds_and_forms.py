"""Exact constructions, and Z3-invariant encoders recognised."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.cyclic_form import CyclicForm
from search.cyclic_model import CyclicModel
from search.exact_seeds import exact_seed
from search.objective import Objective
from stl_algebra import Format, TileEncoder, classical, kronecker, strassen


@pytest.mark.parametrize("size", [1, 2, 3])
def test_constructions_are_exact_and_of_their_format(size: int) -> None:
    for n, p in product((1, 2, 4), (1, 3)):
        encoder = exact_seed(Format(n, size, p))
        assert encoder.exact
        assert encoder.format == (n, size, p)


@pytest.mark.parametrize(("size", "rank"), [(1, 1), (2, 7), (3, 23), (4, 49), (6, 161), (8, 343)])
def test_ranks_of_cubes(size: int, rank: int) -> None:
    assert exact_seed(Format(size, size, size)).rank == rank


@settings(max_examples=20, deadline=None)
@given(n=st.integers(2, 3), fixed=st.integers(0, 3), triples=st.integers(0, 3), seed=st.integers(0, 10**6))
def test_an_invariant_encoder_is_recognised(n: int, fixed: int, triples: int, seed: int) -> None:
    if fixed + triples == 0:
        return
    model = CyclicModel(Objective(Format(n, n, n), 0.0), fixed, triples)
    x = np.random.default_rng(seed).standard_normal((model.rank, n * n))
    u, v, w = model.factors((x,))
    encoder = TileEncoder(model.objective.format, u, v, w.T)
    form = CyclicForm.of(encoder)
    assert form is not None
    assert form.counts == (fixed, triples)
    again = CyclicModel(model.objective, *form.counts)
    np.testing.assert_allclose(again.value(form.point), model.value((x,)), rtol=1e-9)


@pytest.mark.parametrize(
    ("encoder", "counts"),
    [(strassen(), (1, 2)), (kronecker(strassen(), strassen()), (1, 16)), (classical(Format(3, 3, 3)), (3, 8))],
)
def test_known_forms(encoder: TileEncoder, counts: tuple[int, int]) -> None:
    form = CyclicForm.of(encoder)
    assert form is not None
    assert form.counts == counts
    assert CyclicModel(Objective(encoder.format, 0.0), *counts).value(form.point) < 1e-20


def test_what_is_not_invariant_is_not_recognised() -> None:
    rng = np.random.default_rng(0)
    u, v, w = (rng.standard_normal((5, 4)) for _ in range(3))
    assert CyclicForm.of(TileEncoder(Format(2, 2, 2), u, v, w.T)) is None
    assert CyclicForm.of(classical(Format(2, 3, 4))) is None
