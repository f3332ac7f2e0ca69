"""Bit tricks of compiled code against the same in Python."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from search.flip_graph.bits import below, equal_to, lowest_bit
from tests.search.flip_graph.conftest import seeds


@njit
def _compared(row: np.ndarray, start: int, value: np.uint64) -> np.uint64:
    return equal_to(row, start, value)  # type: ignore[no-any-return]


@njit
def _lowest(word: np.uint64) -> np.uint64:
    return lowest_bit(word)  # type: ignore[no-any-return]


@settings(max_examples=100)
@given(seeds, st.integers(0, 3), st.integers(1, 5), st.integers(0, 64))
def test_entries_that_equal_a_value(seed: int, block: int, values: int, shift: int) -> None:
    """Of a block of a row of a larger array, high bits included."""
    rng = np.random.default_rng(seed)
    rows = (rng.integers(0, values, (3, 256)).astype(np.uint64) << np.uint64(min(shift, 61))) | np.uint64(shift == 64)
    value = rows[1, 17]
    mask = int(_compared(rows[1], 64 * block, value))
    assert [bool(mask >> i & 1) for i in range(64)] == (rows[1, 64 * block : 64 * block + 64] == value).tolist()


@given(st.integers(1, 2**64 - 1))
def test_the_lowest_bit(word: int) -> None:
    assert int(_lowest(np.uint64(word))) == (word & -word).bit_length() - 1


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32 - 1))
def test_numbers_below_a_bound(bits: int, bound: int) -> None:
    assert int(below(np.uint64(bits), bound)) == (bits >> 32) * bound >> 32
