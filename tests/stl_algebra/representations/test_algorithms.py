"""Division algebras multiply as they should, with the fewest real products."""

from __future__ import annotations

import numpy as np
import pytest

from stl_algebra.errors import InvalidInput
from stl_algebra.representations import COMPLEXES, QUATERNIONS, REALS, BilinearAlgorithm, DivisionAlgebra

ALGEBRAS = [REALS, COMPLEXES, DivisionAlgebra((2,)), DivisionAlgebra((3,)), DivisionAlgebra((7,)), QUATERNIONS]


@pytest.mark.parametrize("algebra", ALGEBRAS, ids=str)
def test_algorithm_computes_the_product_exactly(algebra: DivisionAlgebra) -> None:
    assert algebra.algorithm.rank == {1: 1, 2: 3, 4: 8}[algebra.dimension]
    assert np.array_equal(algebra.algorithm.tensor, algebra.structure)  # dyadic coefficients: no rounding


@pytest.mark.parametrize("algebra", ALGEBRAS, ids=str)
def test_associative_with_unit_and_without_zero_divisors(algebra: DivisionAlgebra) -> None:
    c = algebra.structure
    assert np.array_equal(np.einsum("abx,xcd->abcd", c, c), np.einsum("bcx,axd->abcd", c, c))
    assert np.array_equal(c[0], np.eye(algebra.dimension))
    assert np.array_equal(c[:, 0], np.eye(algebra.dimension))
    assert np.array_equal(np.einsum("aac->ac", c)[:, 0], algebra.basis_squares)
    elements = np.random.default_rng(0).standard_normal((50, algebra.dimension))
    assert np.all(np.abs(np.linalg.det(algebra.left_multiplication(elements))) > 0)


def test_quaternion_table() -> None:
    one, i, j, k = np.eye(4)
    product = {
        (a, b): np.einsum("a,b,abc->c", x, y, QUATERNIONS.structure)
        for a, x in zip("ijk", (i, j, k), strict=True)
        for b, y in zip("ijk", (i, j, k), strict=True)
    }
    assert np.array_equal(product["i", "j"], k)
    assert np.array_equal(product["j", "k"], i)
    assert np.array_equal(product["k", "i"], j)
    assert np.array_equal(product["j", "i"], -k)
    assert all(np.array_equal(product[a, a], -one) for a in "ijk")


def test_left_multiplication_is_a_homomorphism() -> None:
    p, q = np.random.default_rng(3).standard_normal((2, 4))
    pq = np.einsum("a,b,abc->c", p, q, QUATERNIONS.structure)
    left = QUATERNIONS.left_multiplication
    assert np.allclose(left(p) @ left(q), left(pq))


def test_tensor_product_of_algorithms_computes_the_tensor_product() -> None:
    both = COMPLEXES.algorithm.tensor_product(QUATERNIONS.algorithm)
    expected = np.einsum("abc,xyz->axbycz", COMPLEXES.structure, QUATERNIONS.structure).reshape(8, 8, 8)
    assert both.rank == 24
    assert np.array_equal(both.tensor, expected)


@pytest.mark.parametrize("squares", [(0,), (-1,), (3, 1), (1, 1, 1)])
def test_refused_bases(squares: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="squares"):
        DivisionAlgebra(squares)


def test_refused_algorithm() -> None:
    with pytest.raises(InvalidInput, match="one row for each product"):
        BilinearAlgorithm(np.ones((2, 1)), np.ones((1, 1)), np.ones((2, 1)))
