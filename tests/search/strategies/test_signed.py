"""Groups of signed permutations: those that are drawn have encoders of the rank, so a search goes on to its end."""

from __future__ import annotations

import numpy as np
import pytest

from search.problem import Problem
from search.running.exploration import explore, run_trial
from search.stop import Stop
from search.strategies.signed import SignedSearch
from search.symmetric.orbit_groups import ALL_TYPES
from search.symmetric.orbit_moves import fills
from search.trial import Candidate, Trial
from stl_algebra import Format, TileEncoder, classical


@pytest.mark.parametrize(("size", "rank"), [(4, 37), (3, 17), (3, 18)])
def test_every_round_has_trials(size: int, rank: int) -> None:
    """Where the rank is odd, most groups have no encoders of it: those are passed over."""
    problem = Problem(Format(size, size, size), rank)
    assert SignedSearch().applies(problem)
    explorer = SignedSearch().explorer(problem)
    rng = np.random.default_rng(0)
    for _ in range(5):
        trials = list(explorer.ask(rng))
        assert trials
        for trial in trials:
            assert fills(problem.format, trial.options["group"], rank)
            if trial.kind == "random":
                explorer.tell(trial, Candidate(_any_of_rank(problem)))


def test_a_search_goes_on_while_there_is_time() -> None:
    problem = Problem(Format(4, 4, 4), 37)
    stop = _Rounds(3)
    found = list(explore(SignedSearch(), problem, np.random.default_rng(1), stop))
    assert stop.rounds == 3
    assert found


def test_a_parent_without_a_form_makes_nothing() -> None:
    """A product may come to vanish, and then has no place in an orbit."""
    u, v, w = classical(Format(2, 2, 2)).factors
    vanished = TileEncoder(Format(2, 2, 2), np.vstack([u[:7], 0 * u[:1]]), v, w.T)
    trial = Trial(
        "signed", Problem(Format(2, 2, 2), 8), "shake", (vanished,), {"group": "2 1, 2 1, 2 1", "worth": None}
    )
    assert list(run_trial(trial, Stop())) == []


def test_large_groups_are_drawn_where_their_orbits_make_up_the_rank() -> None:
    """Of those only orbits of their order or half of it are known."""
    for rank in range(30, 49):
        problem = Problem(Format(4, 4, 4), rank)
        orders = SignedSearch().explorer(problem)._orders  # type: ignore[attr-defined]
        assert all(order <= ALL_TYPES or rank % (order // 2) == 0 for order in orders)
        assert {4, 8} <= set(orders)


class _Rounds(Stop):
    """Stops after so many rounds, which may each take as long as they do."""

    def __init__(self, rounds: int) -> None:
        super().__init__(trials=rounds)
        self.rounds = 0

    def count_trial(self) -> None:
        super().count_trial()
        self.rounds += 1


def _any_of_rank(problem: Problem) -> TileEncoder:
    rng = np.random.default_rng(0)
    in_x, in_w, out = problem.format.sizes
    rank = problem.rank
    return TileEncoder(
        problem.format,
        rng.standard_normal((rank, in_x)),
        rng.standard_normal((rank, in_w)),
        rng.standard_normal((out, rank)),
    )
