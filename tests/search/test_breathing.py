"""Breaths: what they lead to, how they are drawn, and that they are made again from their recipes."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from search.breathing import NOISE, random_breath
from search.strategies import strategy
from search.strategy import Problem, Stop
from search.trial import Recipe, Trial
from stl_algebra import Format, TileEncoder

PROBLEM = Problem(Format(2, 2, 3), 10)


@pytest.fixture(scope="module")
def minimum() -> TileEncoder:
    """Not the deepest one, an error of 1/12."""
    encoder = next(Trial("lm", PROBLEM, "random", seed=3).run(Stop())).encoder
    assert 0.08 < PROBLEM.error(encoder) < 0.09
    return encoder


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_breath_leads_deeper_where_minimising_alone_does_not(minimum: TileEncoder, noise: float) -> None:
    options = {"emphases": [3540.0, 321.0, 51.0, 6.09, 1.8, 1.0], "noise": noise}
    polished = next(Trial("lm", PROBLEM, "polish", (minimum,)).run(Stop())).encoder
    breathed = next(Trial("lm", PROBLEM, "breathe", (minimum,), options).run(Stop())).encoder
    assert PROBLEM.error(polished) > 0.08
    assert PROBLEM.error(breathed) < 0.01


def test_a_breath_is_made_again_from_its_recipe(minimum: TileEncoder) -> None:
    options = random_breath(np.random.default_rng(0)) | {"noise": 0.1}
    found = next(Trial("lm", PROBLEM, "breathe", (minimum,), options, seed=5).run(Stop()))
    assert found.recipe is not None
    stored = Recipe.from_json(json.loads(json.dumps(found.recipe.as_json())))
    assert stored.made([minimum]) == found.encoder


def test_random_breaths_go_up_and_come_down_to_one() -> None:
    rng = np.random.default_rng(0)
    drawn = [random_breath(rng) for _ in range(200)]
    for breath in drawn:
        assert 5 <= breath["emphases"][0] <= 1e4
        assert breath["emphases"][-1] == 1
        assert all(b < a for a, b in pairwise(breath["emphases"]))
    assert {breath["noise"] for breath in drawn} == set(NOISE)


def test_a_search_from_a_known_encoder_breathes_first_of_all(minimum: TileEncoder) -> None:
    problem = Problem(PROBLEM.format, PROBLEM.rank, known=(minimum,))
    rng = np.random.default_rng(0)
    explorer = strategy("lm").explorer(problem)
    kinds = [trial.kind for _ in range(6) for trial in explorer.round(rng)]
    assert kinds == ["polish", "breathe", "random", "hop", "random", "breathe"]
    alone = strategy("lm").explorer(PROBLEM)
    assert [trial.kind for _ in range(3) for trial in alone.round(rng)] == ["random"] * 3
