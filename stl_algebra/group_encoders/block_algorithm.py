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
    """Build an algorithm that multiplies in M_d(K): R(d) times 1, 3 or 8 real products for K = R, C or H.

    Entries are row-major, each by its components in the basis of K. A matrix scheme with real coefficients never
    commutes two factors, so it serves over H as well.

    Parameters
    ----------
    degree : int
        The size d of the matrices.
    algebra : DivisionAlgebra
        The division algebra K.

    Returns
    -------
    BilinearAlgorithm
        The algorithm, its three spaces of dimension d²·dim K.

    Examples
    --------
    >>> from stl_algebra.representations import QUATERNIONS
    >>> block_algorithm(2, QUATERNIONS).rank
    56
    """
    scheme = matrix_scheme(degree)
    return BilinearAlgorithm(*scheme.factors).tensor_product(algebra.algorithm)


@lru_cache(maxsize=32)
def matrix_scheme(degree: int) -> TileEncoder:
    """Build the exact encoder of ⟨d,d,d⟩ of least rank that composing the known schemes gives.

    Parameters
    ----------
    degree : int
        The size d of the matrices.

    Returns
    -------
    TileEncoder
        The encoder.

    Examples
    --------
    >>> [matrix_scheme(d).rank for d in (1, 2, 3, 4)]
    [1, 7, 23, 49]
    """
    return best_composed(Format(degree, degree, degree)).encoder


def algebra_rank(group: FiniteGroup) -> int:
    """Count the real products with which the blocks of R[G] are multiplied.

    Parameters
    ----------
    group : FiniteGroup
        The group G.

    Returns
    -------
    int
        The number of products.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic, dicyclic, symmetric
    >>> algebra_rank(symmetric(3)), algebra_rank(cyclic(5)), algebra_rank(dicyclic(2))
    (9, 7, 12)
    """
    return sum(matrix_scheme(r.degree).rank * r.algebra.algorithm.rank for r in real_irreducibles(group))
