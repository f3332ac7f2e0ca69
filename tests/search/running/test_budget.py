"""What a search may spend: never more than it was given, and all of it."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from search.running.budget import LONGEST_SLICE, MOST_TRIALS, RESERVE, SHORTEST_SLICE, Budget
from search.running.report import left
from search.running.run import Progress
from search.stop import Stop
from tests.search.conftest import HandClock


@given(st.floats(1.0, 1e5), st.integers(1, 60), st.lists(st.floats(0.0, 40.0), min_size=1, max_size=30))
def test_no_slice_of_time_goes_beyond_the_end(seconds: float, arms: int, used: list[float]) -> None:
    clock = HandClock()
    budget = Budget(seconds, clock=clock)
    budget.start()
    for k, pause in enumerate(used):
        if not budget.allows_a_slice:
            break
        part = budget.slice(arms, first=k == 0)
        assert part.trials is None
        assert min(SHORTEST_SLICE / 4, budget.remaining) <= part.seconds <= LONGEST_SLICE
        assert clock.now + part.seconds <= 100 + seconds
        assert abs(part.expires - (1e9 + 100 + seconds - RESERVE)) < 1e-3
        clock.now += pause


@given(st.integers(1, 10_000), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_trials_are_handed_out_once(trials: int, arms: int, seed: int) -> None:
    """Those that a task did not make are handed out again, and in the end all are made."""
    budget = Budget(trials=trials, clock=HandClock())
    budget.start()
    made = 0
    while budget.allows_a_slice:
        part = budget.slice(arms, first=made == 0)
        assert (part.seconds, part.expires) == (inf, inf)
        assert part.trials is not None
        assert 1 <= part.trials <= min(MOST_TRIALS, trials - made)
        spent = 1 + (seed + made) % part.trials
        budget.give_back(part.trials, spent)
        made += spent
    assert made == trials


def test_seconds_and_trials_together_end_with_the_first() -> None:
    clock = HandClock()
    budget = Budget(10, 5, clock)
    budget.start()
    assert str(budget) == "10 s or 5 trials"
    assert budget.slice(1, first=True).trials == 1
    assert (budget.allows_a_slice, budget.lasts(0)) == (True, True)
    clock.now += 10
    assert (budget.allows_a_slice, budget.lasts(0), budget.lasts(1)) == (False, False, True)


def test_what_is_left_is_said_of_what_is_limited() -> None:
    standing = Progress(1.0, inf, {}, (), 1, 12)
    assert left(standing) == "12 trials"
    assert left(Progress(1.0, 48.2, {}, (), 1)) == "48 s"
    assert left(Progress(1.0, 48.2, {}, (), 1, 12)) == "48 s or 12 trials"


def test_a_deadline_is_kept_to_the_instant() -> None:
    clock = HandClock()
    stop = Stop(seconds=5, clock=clock.monotonic)
    assert not stop()
    clock.now += 4.5
    assert not stop()
    clock.now += 0.5
    assert stop()
