"""The ranks known in the literature, and what must hold among them."""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, Ring
from stl_algebra.known_ranks import (
    border_rank,
    computes_over,
    exact_rank,
    known_border_rank,
    known_rank,
    recorded_formats,
)
from stl_algebra.schemes import best_composed

REAL = (Ring.Z, Ring.DYADIC, Ring.Q)
FORMATS = st.builds(Format, *[st.integers(1, 8)] * 3)


def test_all_formats_up_to_8_are_recorded() -> None:
    assert recorded_formats() == list(combinations_with_replacement(range(2, 9), 3))


@given(FORMATS, st.sampled_from(list(Ring)))
def test_the_order_of_dimensions_does_not_matter(format: Format, ring: Ring) -> None:
    assert len({known_rank(Format(*order), ring) for order in permutations(format)}) == 1
    assert len({known_border_rank(Format(*order)) for order in permutations(format)}) == 1


@given(FORMATS, st.sampled_from(list(Ring)), st.sampled_from(list(Ring)))
def test_a_larger_ring_never_needs_more(format: Format, ring: Ring, other: Ring) -> None:
    small, large = known_rank(format, ring), known_rank(format, other)
    assert small is not None
    assert large is not None
    if computes_over(ring, other):
        assert large.rank <= small.rank


@given(FORMATS)
def test_ranks_lie_between_the_border_rank_and_what_is_composed(format: Format) -> None:
    rank = exact_rank(format)
    assert rank is not None
    assert max(format.sizes) <= (border_rank(format) or rank) <= rank <= format.products
    assert rank <= best_composed(format).rank


@given(FORMATS, st.integers(0, 2))
def test_one_more_row_never_needs_fewer(format: Format, axis: int) -> None:
    if format[axis] < 8:
        larger = Format(*(side + (k == axis) for k, side in enumerate(format)))
        for ring in REAL:
            here, there = known_rank(format, ring), known_rank(larger, ring)
            assert here is not None
            assert there is not None
            assert here.rank <= there.rank


@pytest.mark.parametrize(
    ("sizes", "rank"),
    [
        ((2, 2, 4), 13),
        ((2, 5, 2), 16),
        ((7, 2, 2), 22),
        ((4, 2, 4), 24),
        ((3, 4, 3), 27),
        ((5, 5, 2), 37),
        ((5, 5, 5), 89),
    ],
)
def test_border_ranks(sizes: tuple[int, int, int], rank: int) -> None:
    assert border_rank(Format(*sizes)) == rank


def test_every_rank_names_its_source_and_the_unknown_is_none() -> None:
    for format in recorded_formats():
        for ring in Ring:
            known = known_rank(format, ring)
            assert known is not None
            assert known.source
    assert known_rank(Format(2, 2, 9)) is None
    assert border_rank(Format(2, 2, 9)) is None
    assert known_rank(Format(1, 9, 9), Ring.GF2).rank == 81  # type: ignore[union-attr]
