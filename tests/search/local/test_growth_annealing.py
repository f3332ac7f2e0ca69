"""Breaths: what they lead to, how they are drawn, and that they are made again from their recipes."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from search.local.growth_annealing import NOISE, random_growth_annealing
from search.problem import Problem
from search.running.exploration import run_trial
from search.running.replay import make_again
from search.stop import Stop
from search.strategies import strategy
from search.trial import Recipe, Trial
from stl_algebra import Format, TileEncoder
from tests.search.minima import shallow_minimum

PROBLEM = Problem(Format(2, 2, 3), 10)


@pytest.fixture
def minimum() -> TileEncoder:
    """Not the deepest one, an error of 1/12."""
    encoder = shallow_minimum()
    assert 0.08 < PROBLEM.error(encoder) < 0.09
    return encoder


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_breath_leads_deeper_where_minimising_alone_does_not(minimum: TileEncoder, noise: float) -> None:
    """From starts a little apart, and with noise of any seed, breaths come to the same .0019."""
    options = {"emphases": [3540.0, 321.0, 51.0, 6.09, 1.8, 1.0], "noise": noise}
    polished = next(run_trial(Trial("lm", PROBLEM, "polish", (minimum,)), Stop())).encoder
    breathed = next(run_trial(Trial("lm", PROBLEM, "breathe", (minimum,), options), Stop())).encoder
    assert PROBLEM.error(polished) > 0.08
    assert PROBLEM.error(breathed) < 0.01


def test_a_breath_is_made_again_from_its_recipe(minimum: TileEncoder) -> None:
    options = random_growth_annealing(np.random.default_rng(0)) | {"noise": 0.1}
    found = next(run_trial(Trial("lm", PROBLEM, "breathe", (minimum,), options, seed=5), Stop()))
    assert found.recipe is not None
    stored = Recipe.from_json(json.loads(json.dumps(found.recipe.as_json())))
    assert make_again(stored, [minimum]) == found.encoder


def test_random_growth_annealings_go_up_and_come_down_to_one() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_growth_annealing(rng) for _ in range(200)]
    for breath in drawn:
        assert 5 <= breath["emphases"][0] <= 1e4
        assert breath["emphases"][-1] == 1
        assert all(b < a for a, b in pairwise(breath["emphases"]))
    assert {breath["noise"] for breath in drawn} == set(NOISE)


def test_a_search_from_a_known_encoder_breathes_first_of_all(minimum: TileEncoder) -> None:
    problem = Problem(PROBLEM.format, PROBLEM.rank, known=(minimum,))
    rng = np.random.default_rng(0)
    explorer = strategy("lm").explorer(problem)
    kinds = [trial.kind for _ in range(6) for trial in explorer.ask(rng)]
    assert kinds == ["polish", "breathe", "random", "hop", "random", "breathe"]
    alone = strategy("lm").explorer(PROBLEM)
    assert [trial.kind for _ in range(3) for trial in alone.ask(rng)] == ["random"] * 3
