"""Multiplying in a group algebra with few real products, block by block."""

from __future__ import annotations

from functools import lru_cache

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.representations.bilinear_algorithm import BilinearAlgorithm
from stl_algebra.representations.decomposition import real_irreducibles
from stl_algebra.representations.division_algebra import DivisionAlgebra
from stl_algebra.schemes import best_composed


def block_algorithm(degree: int, algebra: DivisionAlgebra) -> BilinearAlgorithm:
    """Multiplication in M_d(K), entries row-major, each by its components: R(d) times 1, 3 or 8 real products.

    A matrix scheme with real coefficients never commutes two factors, so it serves over H as well.

    >>> from stl_algebra.representations import QUATERNIONS
    >>> block_algorithm(2, QUATERNIONS).rank
    56
    """
    scheme = matrix_scheme(degree)
    return BilinearAlgorithm(*scheme.factors).tensor_product(algebra.algorithm)


@lru_cache(maxsize=32)
def matrix_scheme(degree: int) -> TileEncoder:
    """The exact encoder of ⟨d,d,d⟩ of least rank that composing the known schemes gives.

    >>> [matrix_scheme(d).rank for d in (1, 2, 3, 4)]
    [1, 7, 23, 49]
    """
    return best_composed(Format(degree, degree, degree)).encoder


def algebra_rank(group: FiniteGroup) -> int:
    """The number of real products with which the blocks of R[G] are multiplied.

    >>> from stl_algebra.groups import cyclic, dicyclic, symmetric
    >>> algebra_rank(symmetric(3)), algebra_rank(cyclic(5)), algebra_rank(dicyclic(2))
    (9, 7, 12)
    """
    return sum(matrix_scheme(r.degree).rank * r.algebra.algorithm.rank for r in real_irreducibles(group))
