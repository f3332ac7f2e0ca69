"""The Wedderburn transform of a real group algebra."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import FiniteGroup
from stl_algebra.representations.decomposition import real_irreducibles
from stl_algebra.representations.irreducible import RealIrreducible
from stl_algebra.representations.rational_form import rational_form

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WedderburnTransform:
    """The isomorphism R[G] ≅ ⊕ M_d(K), K = R, C, H: a real Fourier transform on a group.

    An element a = Σ a_g g has coefficients of shape (…, |G|). Its transform, of the same shape, holds Σ_g a_g ρ(g) for
    each irreducible ρ in turn, row-major, each entry by its components in K's basis. Convolution becomes block-wise
    matrix multiplication.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    irreducibles : tuple of RealIrreducible
        Its irreducible real representations, one for each block.

    References
    ----------
    .. [1] Serre, Linear Representations of Finite Groups, 1977, §6.2.
    .. [2] Clausen, Baum, Fast Fourier Transforms, 1993.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> wedderburn(symmetric(3)).describe()
    'R[S3] = R + R + M2(R)'
    """

    group: FiniteGroup
    irreducibles: tuple[RealIrreducible, ...]

    def __repr__(self) -> str:
        return f"WedderburnTransform({self.describe()})"

    @cached_property
    def forward(self) -> Array:
        """The matrix of the transform, of shape (|G|, |G|)."""
        return np.concatenate([r.entries.reshape(self.group.order, -1).T for r in self.irreducibles])

    @cached_property
    def inverse(self) -> Array:
        """The matrix of the inverse, of shape (|G|, |G|).

        It computes a_g = Σ_ρ d_ρ tr(ρ(g⁻¹) â_ρ) / |G|, with traces of real matrices.
        """
        columns = []
        for r in self.irreducibles:
            dual = r.entries[self.group.inverses].transpose(0, 2, 1, 3) * r.algebra.basis_squares
            columns.append(dual.reshape(self.group.order, -1) * (r.dimension / self.group.order))
        return np.concatenate(columns, axis=1)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The positions of each block in a transform."""
        ends = np.cumsum([0, *(r.size for r in self.irreducibles)])
        return tuple(slice(int(a), int(b)) for a, b in pairwise(ends))

    @property
    def rational(self) -> bool:
        """Whether every block is rational, so that the transform is an isomorphism over Q."""
        return all(r.rational for r in self.irreducibles)

    def transform(self, coefficients: Array) -> Array:
        """Transform elements of the group algebra.

        Parameters
        ----------
        coefficients : ndarray of float64, shape (…, |G|)
            The elements.

        Returns
        -------
        ndarray of float64, shape (…, |G|)
            Their transforms.
        """
        return coefficients @ self.forward.T

    def invert(self, transformed: Array) -> Array:
        """Undo `transform`.

        Parameters
        ----------
        transformed : ndarray of float64, shape (…, |G|)
            The transforms.

        Returns
        -------
        ndarray of float64, shape (…, |G|)
            The elements.
        """
        return transformed @ self.inverse.T

    def multiply(self, first: Array, second: Array) -> Array:
        """Multiply two transforms block by block.

        Parameters
        ----------
        first : ndarray of float64, shape (…, |G|)
            Transforms of the left factors.
        second : ndarray of float64, shape (…, |G|)
            Transforms of the right factors.

        Returns
        -------
        ndarray of float64, shape (…, |G|)
            Transforms of the products.
        """
        blocks = []
        for r, place in zip(self.irreducibles, self.slices, strict=True):
            shape = (r.degree, r.degree, r.algebra.dimension)
            a = first[..., place].reshape(*first.shape[:-1], *shape)
            b = second[..., place].reshape(*second.shape[:-1], *shape)
            product = np.einsum("...ija,...jkb,abc->...ikc", a, b, r.algebra.structure, optimize=True)
            blocks.append(product.reshape(*product.shape[:-3], r.size))
        return np.concatenate(blocks, axis=-1)

    def describe(self) -> str:
        """Write the decomposition in words.

        Returns
        -------
        str
            A formula such as ``R[S3] = R + R + M2(R)``.
        """
        return f"R[{self.group.name}] = " + " + ".join(r.block for r in self.irreducibles)


def convolve(group: FiniteGroup, first: Array, second: Array) -> Array:
    """Multiply two elements of R[G] by definition: Σ a_g b_h gh.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    first : ndarray of float64, shape (|G|,)
        The coefficients a.
    second : ndarray of float64, shape (|G|,)
        The coefficients b.

    Returns
    -------
    ndarray of float64, shape (|G|,)
        The coefficients of the product.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> convolve(cyclic(2), np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist()
    [11.0, 10.0]
    """
    return np.bincount(group.table.ravel(), np.outer(first, second).ravel(), group.order).astype(np.float64)


def wedderburn(group: FiniteGroup, *, rational: bool = False) -> WedderburnTransform:
    """Compute the Wedderburn transform of a group.

    Parameters
    ----------
    group : FiniteGroup
        The group.
    rational : bool, default False
        Blocks are rational if a rational form is found. By default all blocks are orthogonal.

    Returns
    -------
    WedderburnTransform
        The transform.

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> wedderburn(symmetric(3), rational=True).forward[2].tolist()
    [1.0, 1.0, 0.0, 0.0, -1.0, -1.0]
    """
    return WedderburnTransform(group, _rational_irreducibles(group) if rational else real_irreducibles(group))


@lru_cache(maxsize=512)
def _rational_irreducibles(group: FiniteGroup) -> tuple[RealIrreducible, ...]:
    return tuple(rational_form(group, r) or r for r in real_irreducibles(group))
