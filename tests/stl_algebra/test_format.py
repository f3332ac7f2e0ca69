"""Formats: reading, counting, refusing."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput

sizes = st.integers(1, 40)


@given(sizes, sizes, sizes)
def test_a_format_is_a_tuple_that_survives_text_and_pickle(n: int, m: int, p: int) -> None:
    format = Format(n, m, p)
    assert format == (n, m, p)
    assert Format.parse(str(format)) == format
    assert pickle.loads(pickle.dumps(format)) == format
    assert format.products == n * m * p
    assert format.sizes == (n * m, m * p, n * p)
    assert format.is_cube == (n == m == p)


@pytest.mark.parametrize(("text", "expected"), [("4", (4, 4, 4)), (" 2X3x4 ", (2, 3, 4)), ("2×3×4", (2, 3, 4))])
def test_spellings(text: str, expected: tuple[int, int, int]) -> None:
    assert Format.parse(text) == expected


@pytest.mark.parametrize("text", ["", "4x", "2x3", "x4", "2x3x4x5", "-4", "1.5", "four", "4 x 4", "9999999"])
def test_text_that_is_no_format(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a format; write one size such as 4"):
        Format.parse(text)


@pytest.mark.parametrize("text", ["0", "0x1x1", "2x0x2"])
def test_a_dimension_of_zero(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"tile dimension . = 0 is not a positive integer"):
        Format.parse(text)


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2", None, float("nan"), float("inf")])
def test_sizes_that_are_no_dimension(size: object) -> None:
    with pytest.raises(InvalidInput, match=r"tile dimension m = .* is not a positive integer"):
        Format(1, size, 1)  # type: ignore[arg-type]


def test_a_size_beyond_all_floats_is_a_size() -> None:
    huge = int("9" * 400)
    assert Format(huge, 1, 1).products == huge
    with pytest.raises(InvalidInput, match="does not fit the format"):
        Format(2, 2, 2).check_rank(huge)


@given(sizes, sizes, sizes, st.data())
def test_ranks_up_to_the_classical_one_fit(n: int, m: int, p: int, data: st.DataObject) -> None:
    format = Format(n, m, p)
    rank = data.draw(st.integers(1, format.products))
    assert format.check_rank(rank) == rank


@pytest.mark.parametrize("rank", [0, -1, 9, 1.5, True, "7", None, float("nan")])
def test_ranks_that_do_not_fit(rank: object) -> None:
    with pytest.raises(InvalidInput, match="does not fit the format 2x2x2; give a rank between 1 and 8"):
        Format(2, 2, 2).check_rank(rank)  # type: ignore[arg-type]
