"""Sums of two encoders of lower rank: what is drawn, what is made where none is known, and where a sum leads."""

from __future__ import annotations

import numpy as np
import pytest

from search.problem import Problem
from search.running.exploration import run_trial
from search.stop import Stop
from search.strategies.sum import MOST, SumSearch
from search.trial import Candidate, Trial
from stl_algebra import Format, TileEncoder, classical, strassen

FORMAT = Format(2, 2, 2)


def products(encoder: TileEncoder, kept: slice) -> TileEncoder:
    u, v, w = (factor[kept] for factor in encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T)


def test_it_adds_up_known_encoders_to_the_rank_or_a_few_products_more() -> None:
    known = tuple(products(classical(Format(3, 3, 3)), slice(rank)) for rank in range(1, 9))
    explorer = SumSearch().explorer(Problem(Format(3, 3, 3), 9, known=known))
    rng, totals = np.random.default_rng(0), set()
    for _ in range(200):
        (trial,) = explorer.ask(rng)
        one, other = trial.parents
        assert {one, other} <= set(known)
        assert one.rank >= other.rank
        totals.add(one.rank + other.rank)
    assert totals == set(range(9, 9 + MOST + 1))


def test_of_ranks_without_an_encoder_a_descent_makes_one() -> None:
    explorer = SumSearch().explorer(Problem(FORMAT, 5))
    rng, made = np.random.default_rng(0), set()
    for _ in range(20):
        for trial in explorer.ask(rng):
            if trial.strategy == "sum":
                assert all(parent.rank in made for parent in trial.parents)
                continue
            assert trial.strategy == "deflation"
            assert trial.problem.rank not in made  # once each
            made.add(trial.problem.rank)
            for candidate in run_trial(trial, Stop()):
                explorer.tell(trial, candidate)
    assert made == {1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(4))
def test_two_parts_of_an_exact_scheme_lead_nearly_as_far_as_leaving_a_product_out(seed: int) -> None:
    parents = products(strassen(), slice(4)), products(strassen(), slice(4, None))
    trial = Trial("sum", Problem(FORMAT, 6), "sum", parents, {"worth": None}, seed)
    best = min(candidate.encoder.error_at("bf16") for candidate in run_trial(trial, Stop()))
    assert best < min(parent.error_at("bf16") for parent in parents)
    # Forty seeds all came to an eighth, what one product left out costs; two would cost a quarter.
    assert best < 0.26


def test_a_sum_far_from_what_is_known_is_given_up() -> None:
    problem = Problem(FORMAT, 2)
    parents = (products(classical(FORMAT), slice(1)),) * 2
    kept, given_up = (
        list(run_trial(Trial("sum", problem, "sum", parents, {"worth": worth}, 0), Stop())) for worth in (None, 0.01)
    )
    assert kept
    assert not given_up


def test_the_best_of_the_rank_is_what_sums_have_to_come_near() -> None:
    problem = Problem(FORMAT, 2, known=(products(classical(FORMAT), slice(1)),))
    explorer, rng = SumSearch().explorer(problem), np.random.default_rng(0)
    (first,) = explorer.ask(rng)
    found = products(classical(FORMAT), slice(2))
    explorer.tell(first, Candidate(found))
    (second,) = explorer.ask(rng)
    assert first.options["worth"] is None
    assert problem.error(found) < second.options["worth"] < 1.2 * problem.error(found)
