"""All irreducible real representations of a group, from its regular representation."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import FiniteGroup
from stl_algebra.representations.division_algebra import COMPLEXES, QUATERNIONS, REALS
from stl_algebra.representations.frobenius_schur import frobenius_schur_indicator, norm
from stl_algebra.representations.irreducible import RealIrreducible

Array = NDArray[np.float64]


@lru_cache(maxsize=512)
def real_irreducibles(group: FiniteGroup) -> tuple[RealIrreducible, ...]:
    """Compute the irreducible real representations of a group, orthogonal, the trivial one first.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    tuple of RealIrreducible
        One representation of each isomorphism class.

    Notes
    -----
    A random symmetric element of the commutant of the regular representation (a combination of right translations) has
    irreducible eigenspaces: on the isotypic part M_d(K) it acts as a generic Hermitian d×d matrix over K, whose d
    eigenvalues are distinct with eigenspaces of dimension d·k.

    References
    ----------
    .. [1] Dixon, Computing irreducible representations of groups, Math. Comp. 24, 1970.

    Examples
    --------
    >>> from stl_algebra.groups import dicyclic, symmetric
    >>> [r.block for r in real_irreducibles(symmetric(3))], [r.block for r in real_irreducibles(dicyclic(2))]
    (['R', 'R', 'M2(R)'], ['R', 'R', 'R', 'R', 'H'])
    """
    best = max((_eigenspaces(group, seed) for seed in range(4)), key=lambda found: found[0])
    found: list[RealIrreducible] = []
    characters: list[Array] = []
    for space in best[1]:
        matrices = _restriction(group, space)
        character = np.einsum("gii->g", matrices)
        if any(abs(character @ other) > group.order / 2 for other in characters):
            continue  # another copy of one found
        characters.append(character)
        found.append(_over_its_algebra(group, matrices))
    if sum(r.size for r in found) != group.order:  # the gap chosen above makes this a failure of arithmetic
        raise ArithmeticError(f"the regular representation of {group.name} did not split cleanly")
    return tuple(sorted(found, key=_order))


def _eigenspaces(group: FiniteGroup, seed: int) -> tuple[float, list[Array]]:
    """(least gap between eigenvalues, bases of the eigenspaces) of a random symmetric commuting operator."""
    weights = np.random.default_rng(seed).standard_normal(group.order)
    weights = weights + weights[group.inverses]
    # (A f)(x) = Σ_y weights[x⁻¹ y] f(y) commutes with left translation
    values, vectors = np.linalg.eigh(weights[group.table[group.inverses]])
    gaps = np.diff(values)
    breaks = np.flatnonzero(gaps > 1e-9 * np.abs(values).max()) + 1
    least = float(gaps[breaks - 1].min(initial=np.inf))
    return least, np.split(vectors, breaks, axis=1)


def _restriction(group: FiniteGroup, space: Array) -> Array:
    """Left translation (ρ(g) f)(x) = f(g⁻¹ x) on a space of functions, shape (|G|, dim, dim)."""
    moved: Array = np.einsum("xi,gxj->gij", space, space[group.table[group.inverses]], optimize=True)
    return moved


def _over_its_algebra(group: FiniteGroup, matrices: Array) -> RealIrreducible:
    """Choose the basis in which matrices commute with the standard right multiplications of K."""
    character = np.einsum("gii->g", matrices)
    commutant, indicator = round(norm(character)), round(frobenius_schur_indicator(group, character))
    dimension = matrices.shape[1]
    if (commutant, indicator) == (1, 1):
        return RealIrreducible(REALS, matrices[..., None])
    rng = np.random.default_rng(dimension)
    i = _imaginary_unit(matrices, rng, [])
    if (commutant, indicator) == (2, 0):
        units, algebra = [np.eye(dimension), i], COMPLEXES
    elif (commutant, indicator) == (4, -2):
        j = _imaginary_unit(matrices, rng, [i])
        units, algebra = [np.eye(dimension), i, j, j @ i], QUATERNIONS  # x·k = (x·i)·j
    else:
        raise ArithmeticError(f"an eigenspace of {group.name} is not irreducible")
    basis = _basis_over(units)
    entries = np.einsum("xa,gxy,yb->gab", basis, matrices, basis, optimize=True)
    k = algebra.dimension
    blocks = entries.reshape(group.order, dimension // k, k, dimension // k, k)
    found = np.ascontiguousarray(blocks[..., 0].transpose(0, 1, 3, 2))
    if algebra is COMPLEXES:  # of χ and χ̄ take the one whose first value off the real line lies above it
        imaginary = np.einsum("gii->g", found[..., 1])
        found = found * [1.0, np.sign(imaginary[np.argmax(np.abs(imaginary) > 1e-6)])]
    return RealIrreducible(algebra, found)


def _imaginary_unit(matrices: Array, rng: np.random.Generator, others: list[Array]) -> Array:
    """A matrix J of the commutant with J² = −1, Jᵀ = −J, orthogonal to `others`: an averaged random one."""
    dimension = matrices.shape[1]
    while True:
        start = rng.standard_normal((dimension, dimension))
        unit = np.einsum("gab,bc,gdc->ad", matrices, start - start.T, matrices, optimize=True) / len(matrices)
        for other in others:
            unit = unit - np.sum(unit * other) / dimension * other
        length = float(np.sqrt(np.sum(unit**2) / dimension))
        if length > 0.01:
            return np.asarray(unit / length)


def _basis_over(units: list[Array]) -> Array:
    """An orthonormal basis v₁, v₁i, …, v₂, v₂i, … of the space as a right K-module, as columns."""
    dimension = len(units[0])
    basis = np.zeros((dimension, 0))
    while basis.shape[1] < dimension:
        rest = np.eye(dimension) - basis @ basis.T
        vector = rest[:, np.argmax(np.round(np.sum(rest**2, axis=0), 6))]
        vector /= np.linalg.norm(vector)
        basis = np.column_stack([basis, *(unit @ vector for unit in units)])
    return basis


def _order(irreducible: RealIrreducible) -> tuple[object, ...]:
    """The trivial representation first, then small blocks, then by character: the same order on every machine."""
    character = np.round(irreducible.character, 6) + 0.0
    return irreducible.algebra.dimension, irreducible.degree, tuple((-character).tolist())
