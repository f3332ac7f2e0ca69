"""The table of compositions, and the strategy that uses it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.exact.compositions import CompositionTable
from search.exact.exact_seeds import derivation
from search.problem import Problem
from search.running.exploration import explore
from search.stop import Stop
from search.strategies.compose import ComposeSearch
from stl_algebra import Format, Precision
from tests.search.minima import rank_6, three_of_four

FP32, BF16 = Precision.parse("fp32"), Precision.parse("bf16")


@settings(max_examples=25)
@given(sizes=st.tuples(*[st.integers(1, 4)] * 3), data=st.data())
def test_the_prediction_holds(sizes: tuple[int, int, int], data: st.DataObject) -> None:
    """The error of every composition of least-squares optima is the one the table was made by."""
    format = Format(*sizes)
    rank = data.draw(st.integers(1, format.products))
    table = CompositionTable(format, rank, FP32, [rank_6(), three_of_four()])
    encoder = table.encoder(rank)
    assert encoder.format == format
    assert encoder.rank <= rank
    assert encoder.error_at(FP32) == pytest.approx(table.error(rank), rel=2e-2, abs=1e-9)


@settings(max_examples=15)
@given(sizes=st.tuples(*[st.integers(1, 4)] * 3))
def test_more_products_are_never_worse_and_the_exact_rank_is_exact(sizes: tuple[int, int, int]) -> None:
    format = Format(*sizes)
    table = CompositionTable(format, format.products, BF16)
    errors = [table.error(rank) for rank in range(1, format.products + 1)]
    assert errors == sorted(errors, reverse=True)
    exact = derivation(format).rank
    assert table.encoder(exact).relative_error < 1e-20
    naive = 1 - np.arange(1, format.products + 1) / format.products
    assert np.all(np.array(errors) <= naive + 1e-3)


def test_an_exact_outer_encoder_keeps_the_error_of_the_inner_one() -> None:
    table = CompositionTable(Format(4, 4, 4), 42, FP32, [rank_6()])
    assert table.words(42) == "(2x2x2:7 ⊗ 2x2x2:6)" or table.words(42) == "(2x2x2:6 ⊗ 2x2x2:7)"
    assert table.encoder(42).relative_error == pytest.approx(rank_6().relative_error)
    assert [part.digest for part in table.parts_of(42)] == [rank_6().digest]


def test_a_part_of_rank_zero_leaves_its_outputs_out() -> None:
    table = CompositionTable(Format(1, 1, 3), 2, FP32)
    encoder = table.encoder(2)
    assert encoder.relative_error == pytest.approx(1 / 3)
    assert encoder.rank == 2


@pytest.mark.parametrize("sizes", sorted(set(permutations((2, 3, 4)))))
def test_every_orientation(sizes: tuple[int, int, int]) -> None:
    encoder = CompositionTable(Format(*sizes), 14, BF16, [rank_6()]).encoder(14)
    assert encoder.format == sizes
    assert encoder.relative_error == pytest.approx(
        CompositionTable(Format(2, 3, 4), 14, BF16, [rank_6()]).encoder(14).relative_error, rel=1e-6
    )


def test_the_strategy_searches_the_inner_problem() -> None:
    """⟨4,4,4⟩:42 as ⟨2,2,2⟩:7 outside and an encoder of rank 6 inside that nobody gave, of error 1/8."""
    problem = Problem(Format(4, 4, 4), 42, BF16)
    search = explore(ComposeSearch(), problem, np.random.default_rng(1), Stop(trials=100))
    assert problem.cost(next(search).encoder) > 0.15
    assert any(candidate.encoder.error_at(BF16) < 0.13 for candidate in search)


def test_products_that_the_composition_leaves_over_are_used() -> None:
    problem = Problem(Format(4, 4, 2), 22, BF16, parts=(rank_6(),))
    table = CompositionTable(problem.format, problem.rank, BF16, [rank_6()])
    found = list(explore(ComposeSearch(), problem, np.random.default_rng(0), Stop(trials=1)))
    assert table.encoder(22).rank <= 22
    assert found[-1].encoder.rank == 22
    assert found[-1].encoder.error_at(BF16) <= table.error(22) + 1e-9


def test_a_tile_too_large_for_second_order_methods() -> None:
    problem = Problem(Format(6, 6, 6), 100, BF16, parts=(rank_6(),))
    found = list(explore(ComposeSearch(), problem, np.random.default_rng(0), Stop(trials=1)))
    assert found[-1].encoder.error_at(BF16) < 1 - 100 / 216
