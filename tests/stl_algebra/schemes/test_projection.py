"""Projection keeps schemes exact; merging keeps what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, Ring, TileEncoder, classical, kronecker, strassen
from stl_algebra.schemes import bini, laderman, merge_products, project
from stl_algebra.symmetry import matching


@settings(max_examples=30)
@given(st.data())
def test_any_projection_of_an_exact_scheme_is_exact(data: st.DataObject) -> None:
    encoder = data.draw(st.sampled_from([laderman(), kronecker(strassen(), classical(Format(2, 1, 1)))]))
    orders = [data.draw(st.permutations(range(size))) for size in encoder.format]
    keep = [order[: data.draw(st.integers(1, len(order)))] for order in orders]
    small = project(encoder, *keep)
    assert small.format == tuple(len(k) for k in keep)
    assert small.exact
    assert small.rank <= encoder.rank


def test_projection_of_the_classical_algorithm_is_classical() -> None:
    small = project(classical(Format(3, 4, 2)), (2, 0), (1, 3, 0), (1,))
    assert matching(small, classical(Format(2, 3, 1))) is not None


def test_strassen_on_vectors_takes_as_many_products_as_needed() -> None:
    assert project(strassen(), (0,), (0, 1), (0, 1)).rank <= 6
    assert project(strassen(), (1,), (1,), (0,)).rank == 1


def test_projection_of_an_approximate_encoder_projects_its_residual() -> None:
    encoder = bini().at(0.1)
    small = project(encoder, (0, 1), (0, 1), (0, 1))
    x, w = np.random.default_rng(0).standard_normal((2, 2, 2))
    padded = np.concatenate([x, np.zeros((1, 2))])
    whole = encoder.decode @ ((encoder.encode_x @ padded.ravel()) * (encoder.encode_w @ w.ravel()))
    part = small.decode @ ((small.encode_x @ x.ravel()) * (small.encode_w @ w.ravel()))
    np.testing.assert_allclose(part, whole[:4], atol=1e-12)


def test_projection_over_gf2() -> None:
    e = strassen()
    bits = TileEncoder(e.format, e.encode_x % 2, e.encode_w % 2, e.decode % 2, Ring.GF2)
    assert project(bits, (0,), (0, 1), (1, 0)).ring is Ring.GF2


@pytest.mark.parametrize("keep", [[(), (0,), (0,)], [(0, 0), (0,), (0,)], [(0,), (2,), (0,)], [(0,), (0,), (-1,)]])
def test_indices_that_are_none(keep: list[tuple[int, ...]]) -> None:
    with pytest.raises(InvalidInput, match="must be distinct integers from 0 to 1"):
        project(strassen(), *keep)


def test_split_products_are_merged_back() -> None:
    x, w, d = (np.array(m, dtype=object) for m in strassen().exact_coefficients())
    split_x = np.concatenate([x, x[:2], 3 * x[2:3]])
    split_w = np.concatenate([w, w[:2], -w[2:3]])
    split_d = np.concatenate([d * 2, -d[:, :2], d[:, 2:3] / 3], axis=1)
    split_d[:, 3:7] = d[:, 3:]
    swollen = TileEncoder.from_exact((2, 2, 2), split_x, split_w, split_d)
    assert swollen.rank == 10
    assert matching(merge_products(swollen), strassen()) is not None
    with pytest.raises(InvalidInput, match="exact over the integers or rationals"):
        merge_products(bini().at(0.1))
