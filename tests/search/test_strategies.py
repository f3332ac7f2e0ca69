"""The contract of every strategy."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from search.exact_seeds import exact_seed
from search.strategies import strategy
from search.strategy import Candidate, Problem, Stop, Strategy
from search.strategy_names import NAMES, ON_REQUEST
from search.trial import Recipe, Trial
from stl_algebra import Format, InvalidInput, Moments, Precision, TileEncoder, classical, strassen
from tests.search.conftest import skewed_moments

EVERY = (*NAMES, *ON_REQUEST)
PROBLEMS = [
    Problem(Format(2, 2, 2), 6),
    Problem(Format(3, 3, 3), 15, Precision.parse("fp8")),
    Problem(Format(1, 2, 3), 4),
    Problem(Format(2, 2, 2), 5, known=(strassen(),)),
    Problem(Format(2, 2, 2), 7),
    Problem(Format(2, 2, 2), 6, known=(strassen(),), weights=skewed_moments(Format(2, 2, 2))),
]
CASES = [
    pytest.param(
        name, problem, id=f"{name}-{problem.format}-{problem.rank}{'-weighted' * (problem.weights is not None)}"
    )
    for name in EVERY
    for problem in PROBLEMS
    # Strategies on request are slow on a CPU: two problems are enough there.
    if strategy(name).applies(problem) and (name in NAMES or problem.rank == 6)
]


def _run(name: str, problem: Problem, seed: int, trials: int) -> list[Candidate]:
    return list(strategy(name).search(problem, np.random.default_rng(seed), Stop(seconds=60, trials=trials)))


def test_every_strategy_has_a_case() -> None:
    assert {case.values[0] for case in CASES} == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_it_is_a_strategy_of_its_name(name: str) -> None:
    found = strategy(name)
    assert isinstance(found, Strategy)
    assert found.name == name


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_candidates_fit_and_improve(name: str, problem: Problem) -> None:
    candidates = _run(name, problem, 0, 3)
    assert candidates
    for candidate in candidates:
        assert isinstance(candidate.encoder, TileEncoder)
        assert candidate.encoder.format == problem.format
        assert candidate.encoder.rank == problem.rank
    costs = [problem.cost(candidate.encoder) for candidate in candidates]
    assert all(b < a for a, b in pairwise(costs))


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_it_beats_leaving_products_out(name: str, problem: Problem) -> None:
    best = _run(name, problem, 5, 4)[-1].encoder
    u, v, w = (factor[: problem.rank] for factor in classical(problem.format).factors)
    naive = TileEncoder(problem.format, u, v, w.T)
    assert problem.error(best) < problem.error(naive) + 1e-3


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_same_seed_same_candidates(name: str, problem: Problem) -> None:
    first, second = (_run(name, problem, 7, 2) for _ in range(2))
    assert [c.encoder.digest for c in first] == [c.encoder.digest for c in second]
    assert [c.details for c in first] == [c.details for c in second]


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_parents_are_encoders_it_was_given_or_made(name: str, problem: Problem) -> None:
    for candidate in _run(name, problem, 2, 3):
        there = {encoder.digest for encoder in (*problem.known, *problem.parts)}
        for one in (*candidate.ancestors, candidate):
            assert there.issuperset(one.parents)
            there.add(one.encoder.digest)


def _made_again(candidate: Candidate, problem: Problem, among: Iterable[Candidate]) -> TileEncoder:
    """From the recipe as it is stored, and the parents alone."""
    assert candidate.recipe is not None
    recipe = Recipe.from_json(json.loads(json.dumps(candidate.recipe.as_json(), allow_nan=False)))
    encoders = [*problem.known, *problem.parts, *(one.encoder for one in among)]
    there = {encoder.digest: encoder for encoder in encoders}
    return recipe.made([there[parent] for parent in candidate.parents], problem.weights)


@pytest.mark.parametrize(("name", "problem"), CASES)
def test_a_trial_replayed_from_its_recipe_makes_the_same_encoder(name: str, problem: Problem) -> None:
    """Of every candidate and of all that it descends from, as far back as the search made it."""
    candidates = _run(name, problem, 3, 4)
    assert candidates
    for candidate in candidates:
        assert candidate.recipe is not None
        for one in (*candidate.ancestors, candidate):
            if one.recipe is None:
                assert one.encoder == exact_seed(one.encoder.format)
            else:
                assert _made_again(one, problem, candidate.ancestors) == one.encoder


@pytest.mark.parametrize("name", ["orbit", "lm", "als", "flip"])
def test_a_trial_that_was_cut_short_is_replayed_to_the_same_place(name: str) -> None:
    problem = Problem(Format(2, 2, 2), 7) if name == "flip" else Problem(Format(3, 3, 3), 15)
    trial = next(strategy(name).explorer(problem).round(np.random.default_rng(0)))
    cut = set()
    for asked in (0, 1, 2, 3, 5, 8, 13, 21):
        for candidate in trial.run(_StopAfter(asked)):
            assert candidate.recipe is not None
            cut.add(candidate.recipe.ended)
            assert candidate.recipe.made(trial.parents) == candidate.encoder
    assert len(cut) > 1


def test_other_parents_or_another_seed_make_another_encoder() -> None:
    problem = Problem(Format(2, 2, 2), 6)
    first, second = (_run("lm", problem, seed, 1)[-1] for seed in (0, 1))
    assert first.recipe is not None
    hop = Trial("als", problem, "hop", (first.encoder,), seed=2)
    made = [next(one.run(Stop())) for one in (hop, replace(hop, parents=(second.encoder,)), replace(hop, seed=3))]
    assert len({candidate.encoder.digest for candidate in made}) == 3
    recipe = made[0].recipe
    assert recipe is not None
    assert [recipe.made([parent.encoder]) == made[0].encoder for parent in (first, second)] == [True, False]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"place": 7}, "makes no encoder number 8 any more; it was recorded by strassen-tile"),
        ({"strategy": "magic"}, "unknown strategy 'magic'"),
        ({"options": {}}, "cannot be followed"),
        ({"seed": "x"}, "the recipe's seed is 'x'"),
        ({"weights": "ab" * 32}, "found under the moments ababababab; give their file"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    found = _run("deflation", Problem(Format(2, 2, 2), 6), 0, 1)[0]
    assert found.recipe is not None
    with pytest.raises(InvalidInput, match=sentence):
        Recipe.from_json(found.recipe.as_json() | changes).made([strassen()])


class _StopAfter(Stop):
    """Stops at the n-th time it is asked, and counts how often it is asked after that."""

    def __init__(self, asked: int) -> None:
        super().__init__()
        self.left = asked
        self.asked_in_vain = 0

    def __call__(self) -> bool:
        if self.left:
            self.left -= 1
            return False
        self.asked_in_vain += 1
        return True


@pytest.mark.parametrize("asked", [0, 1, 7, 40])
@pytest.mark.parametrize("name", EVERY)
def test_it_ends_soon_after_it_is_told_to(name: str, asked: int) -> None:
    """Every inner loop asks: once stopped, what is left of a trial is passed over."""
    stop = _StopAfter(asked)
    for _ in strategy(name).search(Problem(Format(3, 3, 3), 15), np.random.default_rng(0), stop):
        pass
    assert stop.asked_in_vain < 60
    assert stop.asked_in_vain or stop.left  # told to, or out of things to try before


@pytest.mark.parametrize("name", ["lm", "als"])
def test_weights_buy_accuracy_where_they_are_large(name: str) -> None:
    """Less error under the moments than the best found for white inputs, and more on white ones."""
    white = Problem(Format(2, 2, 2), 5)
    weighted = replace(white, weights=Moments(white.format, np.diag([0.01, 0.01, 4.0, 1.0]), np.eye(4)))
    plain, fitted = (_run(name, problem, 0, 6)[-1].encoder for problem in (white, weighted))
    assert weighted.error(fitted) < 0.7 * weighted.error(plain)
    assert white.error(fitted) > white.error(plain)


def test_unknown_strategy() -> None:
    with pytest.raises(InvalidInput, match="unknown strategy 'magic'"):
        strategy("magic")


@pytest.mark.parametrize("rank", [0, -1, 9])
def test_rank_must_fit(rank: int) -> None:
    with pytest.raises(InvalidInput, match=f"rank {rank} does not fit"):
        Problem(Format(2, 2, 2), rank)


def test_an_exact_encoder_is_preferred_to_one_slightly_better() -> None:
    encoder = strassen()
    problem = Problem(encoder.format, 7)
    u, v, w = encoder.factors
    assert problem.cost(encoder) < problem.cost(TileEncoder(encoder.format, u, v, w.T))


def test_a_hair_better_is_no_improvement() -> None:
    problem = Problem(Format(2, 2, 2), 7)
    u, v, w = strassen().factors
    worse, hair, better = (TileEncoder(problem.format, u, v, s * w.T) for s in (0.9, 0.9 + 1e-7, 0.95))
    assert problem.improves(worse, None)
    assert not problem.improves(hair, worse)
    assert problem.improves(better, worse)
    assert not problem.improves(worse, better)


def test_levenberg_marquardt_finds_an_exact_encoder() -> None:
    best = _run("lm", Problem(Format(2, 2, 3), 11), 0, 4)[-1].encoder
    assert best.exact
    assert best.ring.is_exact_for_reals
