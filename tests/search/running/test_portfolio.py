"""Which arms get the slices of a search."""

from __future__ import annotations

import numpy as np
import pytest

from search.running.portfolio import Portfolio


def test_a_portfolio_explores_most_where_finds_are_rare_and_large() -> None:
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(40, "orbit"), (40, "lm")])
    for name in [portfolio.draw(rng).strategy for _ in range(2)]:
        portfolio.record(40, name, 1, 0.5, 0.5)
    assert [portfolio.draw(rng).strategy for _ in range(200)].count("orbit") > 130


def test_where_good_encoders_are_known_it_explores_by_descents_most() -> None:
    rng = np.random.default_rng(0)
    names = ("orbit", "deflation", "lm", "signed")
    portfolio = Portfolio([(rank, name) for rank in (40, 41) for name in names], refined={40})
    for arm in [portfolio.draw(rng) for _ in portfolio.arms]:
        portfolio.record(arm.rank, arm.strategy, 1, 0.5, 0.5)
    drawn = [(arm.rank, arm.strategy) for arm in (portfolio.draw(rng) for _ in range(2000))]
    refined, other = ({name: drawn.count((rank, name)) for name in names} for rank in (40, 41))
    assert refined["deflation"] > 1.5 * max(refined["orbit"], refined["lm"]) > 1.5 * refined["signed"]
    assert refined["lm"] == pytest.approx(refined["orbit"], rel=0.3)
    assert other["orbit"] > 1.5 * other["lm"] > 1.5 * other["signed"]


def test_a_portfolio_prefers_what_gains() -> None:
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(40, "a"), (40, "b")])
    assert [portfolio.draw(rng).strategy for _ in range(2)] == ["a", "b"]
    portfolio.record(40, "a", 1, 0.5, 0.5)
    portfolio.record(40, "b", 1, 0.2, 0.5)
    drawn = [portfolio.draw(rng).strategy for _ in range(200)]
    assert drawn.count("b") > 150
    assert "a" in drawn


def _drawn_after_gains(slices: int, *, again: bool, error: float = 0.1, gain: float = 1e-3) -> float:
    """The part of the slices that an arm of many gets after a gain, or one in each of its slices."""
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(rank, name) for rank in range(40, 45) for name in ("lm", "als", "hop", "group")])
    for arm in [portfolio.draw(rng) for _ in portfolio.arms]:
        portfolio.record(arm.rank, arm.strategy, 1, error, error)
    lucky = (42, "als")
    portfolio.record(*lucky, 1, error * (1 - gain), error)
    count = 0
    for _ in range(slices):
        arm = portfolio.draw(rng)
        gains = again and (arm.rank, arm.strategy) == lucky
        portfolio.record(arm.rank, arm.strategy, 1, error * (1 - gain * gains), error)
        count += (arm.rank, arm.strategy) == lucky
    return count / slices


@pytest.mark.parametrize("gain", [1e-3, 0.1])
def test_what_an_arm_gained_once_is_forgotten(gain: float) -> None:
    assert _drawn_after_gains(500, again=False, gain=gain) < 0.2


@pytest.mark.parametrize("error", [0.5, 0.002])
def test_an_arm_that_keeps_gaining_keeps_most_slices(error: float) -> None:
    """However small the error of its rank is: what counts is the part of it that is gained."""
    assert _drawn_after_gains(500, again=True, error=error) > 0.5


def test_gains_are_parts_of_what_there_is_to_gain() -> None:
    rng = np.random.default_rng(0)
    portfolio = Portfolio([(20, "a"), (47, "b")])
    for _ in range(2):
        portfolio.draw(rng)
    portfolio.record(20, "a", 1, 0.5 * 0.99, 0.5)
    portfolio.record(47, "b", 1, 0.003 * 0.99, 0.003)
    first, second = portfolio.arms
    assert first.gain == pytest.approx(second.gain)
