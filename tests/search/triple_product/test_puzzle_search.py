"""Largest puzzles are puzzles, and no larger one exists where all sets of rows can be tried."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from search.triple_product import largest_local_strong_puzzle
from stl_algebra import InvalidInput
from stl_algebra.groups import has_simultaneous_triple_product_property, is_local_strong_puzzle, puzzle_triples


@pytest.mark.parametrize("width", [1, 2, 3])
def test_no_larger_puzzle_exists(width: int) -> None:
    best = largest_local_strong_puzzle(width)
    assert is_local_strong_puzzle(best)
    rows = list(product((1, 2, 3), repeat=width))
    assert not any(is_local_strong_puzzle(larger) for larger in combinations(rows, len(best) + 1))


def test_width_four_gives_simultaneous_triples() -> None:
    group, triples = puzzle_triples(largest_local_strong_puzzle(4), 3)
    assert group.order == 81
    assert has_simultaneous_triple_product_property(group, triples)


@pytest.mark.parametrize("width", [0, 6])
def test_widths_outside_the_range(width: int) -> None:
    with pytest.raises(InvalidInput, match="up to width 5"):
        largest_local_strong_puzzle(width)
