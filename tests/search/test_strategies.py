"""The contract of every strategy."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from search.strategies import strategy
from search.strategy import Candidate, Problem, Stop, Strategy
from search.strategy_names import NAMES, ON_REQUEST
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
    best = _run(name, problem, 1, 4)[-1].encoder
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
        assert all(len(parent) == 64 for parent in candidate.parents)


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
