"""Strategies of others are found by name or place, in this process and in workers; what is none is one sentence."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

import search.strategies
from search.problem import Problem
from search.running.run import Search
from search.running.task import Discovery
from search.strategies import available, home_of, register, resolve, strategy
from search.strategy import Strategy
from stl_algebra import Format, InvalidInput
from tests.search.strategies import restarts

PLACE = "tests.search.strategies.restarts:Restarts"


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search.strategies, "_REGISTERED", {})


def test_a_registered_strategy_is_found_by_its_name() -> None:
    assert register(restarts.Restarts) == "fresh"
    assert register(PLACE) == "fresh"  # the same again
    assert isinstance(strategy("fresh"), restarts.Restarts)
    assert "fresh" in available()
    assert home_of("fresh") == PLACE


@pytest.mark.parametrize("jobs", [1])
def test_workers_search_with_it(jobs: int) -> None:
    found = [
        event
        for event in Search(Problem(Format(2, 2, 2), 6), trials=2, jobs=jobs, strategy_name=PLACE).run()
        if isinstance(event, Discovery)
    ]
    assert found
    assert {one.strategy for one in found} == {"fresh"}


def test_an_entry_point_needs_no_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("fresh", PLACE, search.strategies.ENTRY_POINTS)
    monkeypatch.setattr(search.strategies, "_entry_points", lambda: {"fresh": entry})
    assert resolve("fresh") == "fresh"
    assert isinstance(strategy("fresh"), restarts.Restarts)
    assert home_of("fresh") is None  # a worker finds the entry point itself


def test_an_entry_point_under_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("other", PLACE, search.strategies.ENTRY_POINTS)
    monkeypatch.setattr(search.strategies, "_entry_points", lambda: {"other": entry})
    with pytest.raises(InvalidInput, match="registered as 'other' but its own name is 'fresh'"):
        strategy("other")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("no_such_module:Class", "no_such_module:Class cannot be imported"),
        ("tests.search.strategies.restarts:Missing", "Missing cannot be imported"),
        ("tests.search.strategies.restarts:PLACE.x", "cannot be imported"),
        ("json:loads", "json:loads is no strategy"),
        ("tests.search.strategies.restarts:Half", "lacks explorer, trial"),
        ("tests.search.strategies.restarts:Nameless", "the name 'no name'"),
        ("tests.search.strategies.restarts:Impostor", "the name 'lm' is that of the strategy search.strategies.lm"),
    ],
)
def test_what_is_no_strategy_is_one_sentence(place: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        resolve(place)


def test_a_class_that_workers_cannot_import_is_refused() -> None:
    class Local(restarts.Restarts):
        pass

    assert issubclass(Local, Strategy)
    with pytest.raises(InvalidInput, match="at the top level of a module of its own"):
        register(Local)


def test_an_unknown_name_is_one_sentence() -> None:
    with pytest.raises(InvalidInput, match="unknown strategy 'magic'; choose auto, one of orbit"):
        resolve("magic")
