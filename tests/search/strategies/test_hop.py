"""Chains of hops: where they start, that they go on from where they stand, and when they are given up."""

from __future__ import annotations

import numpy as np
import pytest

from search.problem import Problem
from search.running.exploration import run_trial
from search.stop import Stop
from search.strategies.hop import HOPS, PATIENCE, HopSearch
from search.strategy import Explorer
from search.trial import Candidate, Trial
from stl_algebra import Format, TileEncoder, classical, strassen

FORMAT = Format(2, 2, 2)


def next_trial(explorer: Explorer, rng: np.random.Generator) -> Trial:
    (trial,) = explorer.ask(rng)
    return trial


def made(encoder: TileEncoder, *, step: bool = False) -> Candidate:
    return Candidate(encoder, step=step)


def without(encoder: TileEncoder, products: int) -> TileEncoder:
    u, v, w = (factor[products:] for factor in encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T)


@pytest.mark.parametrize(("parent", "kind"), [(strassen(), "above"), (without(strassen(), 3), "below")])
def test_a_chain_starts_at_another_rank_with_products_left_out_or_added(parent: TileEncoder, kind: str) -> None:
    trial = Trial("hop", Problem(FORMAT, 5), kind, (parent,), seed=1)
    *results, stands = run_trial(trial, Stop())
    assert stands.step
    assert not any(result.step for result in results)
    assert {candidate.encoder.rank for candidate in (*results, stands)} == {5}
    assert results[0].encoder.error_at("bf16") < 0.375  # what three products left out cost


def test_a_chain_goes_on_from_where_it_stands_while_it_gains() -> None:
    rng = np.random.default_rng(0)
    problem = Problem(FORMAT, 5)
    explorer = HopSearch().explorer(problem)
    far, near = without(classical(FORMAT), 3), without(strassen(), 2)
    assert problem.cost(near) != problem.cost(far)
    best, worst = sorted((near, far), key=problem.cost)
    first = next_trial(explorer, rng)
    explorer.tell(first, made(worst))
    explorer.tell(first, made(best, step=True))
    second = next_trial(explorer, rng)
    assert (second.kind, second.parents) == ("on", (best,))
    explorer.tell(second, made(best))  # a gain
    explorer.tell(second, made(worst, step=True))
    for _ in range(PATIENCE):
        trial = next_trial(explorer, rng)
        assert (trial.kind, trial.parents) == ("on", (worst,))
        explorer.tell(trial, made(best))  # and no further one
        explorer.tell(trial, made(worst, step=True))
    assert next_trial(explorer, rng).kind != "on"


def test_a_trial_makes_as_many_hops_as_its_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes from when trials were longer say nothing."""
    problem = Problem(FORMAT, 5)
    drawn = next_trial(HopSearch().explorer(problem), np.random.default_rng(0))
    assert drawn.options == {"hops": HOPS}
    hops: list[int] = []

    def counted(_problem: object, here: object, *_: object) -> object:
        hops.append(1)
        return here

    monkeypatch.setattr("search.strategies.hop._screened_hop", counted)
    for options, number in (({"hops": 3}, 3), ({}, 20)):
        hops.clear()
        list(run_trial(Trial("hop", problem, "here", (without(strassen(), 2),), options), Stop()))
        assert len(hops) == number


def test_chains_start_everywhere_there_is_something_to_start_from() -> None:
    rng = np.random.default_rng(0)
    known = (strassen(), without(strassen(), 2), without(strassen(), 4))
    explorer = HopSearch().explorer(Problem(FORMAT, 5, known=known))
    assert {next_trial(explorer, rng).kind for _ in range(60)} == {"here", "above", "below", "random"}
    alone = HopSearch().explorer(Problem(Format(1, 2, 2), 4))
    assert {next_trial(alone, rng).kind for _ in range(20)} == {"random"}
