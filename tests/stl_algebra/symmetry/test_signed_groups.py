"""Random groups of signed permutations: their text, their order, and that they leave the tensor alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, matmul_tensor
from stl_algebra.symmetry import named_subgroups, orbit_types, random_signed_group, signed_group, signed_text

FORMATS = (Format(2, 2, 2), Format(3, 3, 3), Format(2, 3, 4), Format(4, 4, 4), Format(1, 4, 5))


@given(format=st.sampled_from(FORMATS), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_a_group_has_the_order_asked_for_and_is_read_back(format: Format, seed: int) -> None:
    text = random_signed_group(format, [2, 4, 8], np.random.default_rng(seed))
    group = signed_group(format, text)
    assert len(group) in (2, 4, 8)
    assert len(set(group)) == len(group)
    elements = set(group)
    assert all(g @ h in elements for g in group for h in group)


@given(format=st.sampled_from(FORMATS), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_every_element_maps_the_tensor_to_itself(format: Format, seed: int) -> None:
    n, m, p = format
    group = signed_group(format, random_signed_group(format, [2, 4, 8], np.random.default_rng(seed)))
    tensor = matmul_tensor(format).reshape(n * m, m * p, n, p).transpose(0, 1, 3, 2).reshape(n * m, m * p, p * n)
    for element in group:
        maps = [element.slot_map(slot).astype(float) for slot in range(3)]
        np.testing.assert_array_equal(np.einsum("ax,by,cz,xyz->abc", *maps, tensor, optimize=True), tensor)


@given(format=st.sampled_from(FORMATS), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_text_of_a_group_names_it(format: Format, seed: int) -> None:
    group = signed_group(format, random_signed_group(format, [2, 4, 8], np.random.default_rng(seed)))
    assert set(signed_group(format, signed_text(group))) == set(group)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_a_group_is_made_larger(seed: int) -> None:
    format, rng = Format(4, 4, 4), np.random.default_rng(seed)
    small = random_signed_group(format, [2], rng)
    large = random_signed_group(format, [4, 8], rng, within=small)
    assert set(signed_group(format, small)) < set(signed_group(format, large))


def test_a_group_with_rotation_has_no_text() -> None:
    with pytest.raises(InvalidInput, match="without rotation"):
        signed_text(named_subgroups(Format(2, 2, 2))["Z3"])
    with pytest.raises(InvalidInput, match="only a group of signed permutations"):
        signed_text(named_subgroups(Format(2, 2, 2))["S3"])


def test_types_with_small_stabilisers_are_those_of_all_with_long_orbits() -> None:
    group = signed_group(Format(3, 3, 3), "1 -2 3, 1 -2 3, 1 -2 3; 1 2 -3, 1 2 -3, 1 2 -3")
    every, long = orbit_types(group), orbit_types(group, 2)
    assert [(k.length, k.parameters) for k in long] == [(k.length, k.parameters) for k in every if k.length >= 2]
    assert len(long) < len(every)


def test_the_same_generator_draws_the_same_group() -> None:
    first, second = (random_signed_group(Format(3, 3, 3), [4], np.random.default_rng(5)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os", "does not name signed permutations"),
        ("1 2, 1 2", "does not permute the coordinates of 2x2x2"),
        ("1 2, 1 2, 1 3", "does not permute the coordinates of 2x2x2"),
        ("1 2, 1 2, 1 1", "does not permute the coordinates of 2x2x2"),
        ("1 -, 1 2, 1 2", "does not name signed permutations"),
    ],
)
def test_what_is_no_group_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        signed_group(Format(2, 2, 2), text)


def test_an_order_that_does_not_occur_is_refused() -> None:
    with pytest.raises(InvalidInput, match="of order 7 was found for 2x2x2"):
        random_signed_group(Format(2, 2, 2), [7], np.random.default_rng(0))
