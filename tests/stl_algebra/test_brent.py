"""The Brent equations accept exactly the exact schemes."""

from __future__ import annotations

import itertools
from math import isqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, classical, kronecker, satisfies_brent, strassen
from stl_algebra.brent import _primes_below

SCHEMES = [strassen(), classical(Format(2, 3, 2)), kronecker(strassen(), classical(Format(1, 2, 1)))]


@given(st.sampled_from(SCHEMES), st.integers(0, 2), st.integers(0, 10**6), st.sampled_from([-2, -1, 1, 3]))
def test_any_single_changed_coefficient_is_noticed(encoder, which: int, position: int, step: int) -> None:
    matrices = [encoder.encode_x.copy(), encoder.encode_w.copy(), encoder.decode.copy()]
    assert satisfies_brent(encoder.format, *matrices)
    matrices[which].flat[position % matrices[which].size] += step
    assert not satisfies_brent(encoder.format, *matrices)


@given(st.integers(1, 2**20), st.integers(1, 2**20), st.integers(1, 2**20))
def test_a_common_scale(a: int, b: int, c: int) -> None:
    e = strassen()
    assert satisfies_brent(e.format, a * e.encode_x, b * e.encode_w, c * e.decode, scale=a * b * c)
    assert not satisfies_brent(e.format, a * e.encode_x, b * e.encode_w, c * e.decode, scale=a * b * c + 1)


@pytest.mark.parametrize("bits", [10, 40, 52])
def test_huge_coefficients_are_added_in_integers_without_rounding(bits: int) -> None:
    """Two products that cancel but for one unit in the last place, far below what float64 sums resolve."""
    big = 2**bits
    x, w = np.array([[1.0], [big], [1.0]]), np.array([[1.0], [big], [big]])
    d = np.array([[1.0, 1.0, -big]])  # 1 + big² − big² = 1
    assert satisfies_brent(Format(1, 1, 1), x, w, d)
    assert not satisfies_brent(Format(1, 1, 1), x + np.array([[1.0], [0.0], [0.0]]), w, d)


def test_a_large_scheme_of_huge_coefficients_is_proved_by_a_few_matrix_products() -> None:
    """Added up one by one in Python's integers, the 268 million products of this scheme would take minutes."""
    e = classical(Format(8, 8, 8))
    matrices = 2.0**48 * e.encode_x, (2.0**47 + 1) * e.encode_w, 3 * e.decode
    scale = 2**48 * (2**47 + 1) * 3
    assert satisfies_brent(e.format, *matrices, scale=scale)
    assert not satisfies_brent(e.format, *matrices, scale=scale + 1)
    matrices[2][-1, -1] += 1
    assert not satisfies_brent(e.format, *matrices, scale=scale)


def test_no_residual_that_some_primes_divide_is_taken_for_zero() -> None:
    """1·1·d = 0 modulo the first primes tried, which alone prove nothing of coefficients so large."""
    first = list(itertools.islice(_primes_below(isqrt(2**53)), 2))
    one, huge = np.ones((1, 1)), float(first[0]) * np.ones((1, 1))
    factors = huge, float(first[1]) * one, 2.0**40 * one
    assert not satisfies_brent(Format(1, 1, 1), *factors, scale=0)


def test_modulo_two_forgets_signs_and_even_coefficients() -> None:
    e = strassen()
    odd = np.where(e.encode_x == 0, 4.0, 3 * e.encode_x)
    assert satisfies_brent(e.format, odd, -e.encode_w, e.decode % 2, modulus=2)
    assert not satisfies_brent(e.format, odd, -e.encode_w, e.decode % 2)
    huge = np.where(e.encode_x == 0, 2.0**50, 2.0**50 + e.encode_x)
    assert satisfies_brent(e.format, huge, e.encode_w + 2.0**50, e.decode, modulus=2)
