"""The matrix-multiplication tensor multiplies matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import Format, InvalidInput, matmul_tensor

formats = st.builds(Format, st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))


@given(formats, st.integers(0, 2**32 - 1))
def test_contraction_is_the_matrix_product(format: Format, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((format.n, format.m)), rng.standard_normal((format.m, format.p))
    product = np.einsum("abc,a,b->c", matmul_tensor(format), x.ravel(), w.ravel())
    np.testing.assert_allclose(product, (x @ w).ravel(), atol=1e-12)


@given(formats)
def test_it_has_one_unit_entry_for_each_scalar_product(format: Format) -> None:
    tensor = matmul_tensor(format)
    assert tensor.shape == format.sizes
    assert np.count_nonzero(tensor) == tensor.sum() == format.products


def test_a_tile_too_large_is_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(InvalidInput, match="format 1000x1000x1000 has 1000000000 products; tiles up to 4096"):
        matmul_tensor(Format(1000, 1000, 1000))
