"""The strategy that the documents show passes the contract of strategies."""

from __future__ import annotations

from pathlib import Path

from examples.restarts import Restarts
from search.contract import StrategyContract

ROOT = Path(__file__).parents[2]


class TestRestarts(StrategyContract):
    strategy = Restarts


def test_the_page_shows_the_example() -> None:
    assert "<!-- code: examples/restarts.py -->" in (ROOT / "docs/strategies.md").read_text(encoding="utf-8")
