"""Rational bases of irreducible representations, if they are found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import Elements, FiniteGroup
from stl_algebra.groups.subgroups import subgroup_classes, subgroups
from stl_algebra.representations.division_algebra import DivisionAlgebra
from stl_algebra.representations.irreducible import RealIrreducible

Array = NDArray[np.float64]

#: Denominators tried for the entries of a rational form.
_DENOMINATORS = (1, 2, 3, 4, 6, 8, 12, 24)


def rational_form(group: FiniteGroup, irreducible: RealIrreducible) -> RealIrreducible | None:
    """Find an isomorphic representation with rational entries.

    Entries are rational in the basis of R, of C = R + R√−D, D squarefree, or of H = R + Ri + Rj + Rk.

    Parameters
    ----------
    group : FiniteGroup
        The group.
    irreducible : RealIrreducible
        A representation of it.

    Returns
    -------
    RealIrreducible or None
        The rational form, or None if no form of the known shape exists.

    Notes
    -----
    Let a subgroup act on a line over K by signs. The orbit of that line spans the representation, and in a basis taken
    from it all entries lie in the field of the character. The homomorphism property is proved in integers before the
    form is returned.

    References
    ----------
    .. [1] Serre, Linear Representations of Finite Groups, 1977, §12.2 (Schur indices).
    .. [2] Curtis, Reiner, Representation Theory of Finite Groups and Associative Algebras, 1962, §70.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic, symmetric
    >>> from stl_algebra.representations import real_irreducibles
    >>> form = rational_form(symmetric(3), real_irreducibles(symmetric(3))[2])
    >>> sorted(set(form.entries.ravel().tolist()))
    [-1.0, 0.0, 1.0]
    >>> rational_form(cyclic(5), real_irreducibles(cyclic(5))[1]) is None
    True
    """
    if irreducible.algebra.dimension == 4:
        candidates = _quaternion_forms(irreducible)
    else:
        square = _field(irreducible)
        candidates = iter(()) if square is None else _orbit_forms(group, irreducible, square)
    best: RealIrreducible | None = None
    for algebra, entries in candidates:
        form = _proved(group, algebra, entries)
        if form is not None and (best is None or np.sum(form.entries**2) < np.sum(best.entries**2) - 1e-9):
            best = form
    return best


def _field(irreducible: RealIrreducible) -> int | None:
    """0 for a rational character, D for one in Q(√−D) but not Q, None for one in neither."""
    real, imaginary = irreducible.complex_character.real, irreducible.complex_character.imag
    if not np.allclose(2 * real, np.rint(2 * real), atol=1e-7):
        return None
    if irreducible.algebra.dimension == 1:
        return 0
    squares = (2 * imaginary) ** 2
    if not np.allclose(squares, np.rint(squares), atol=1e-6):
        return None
    parts = {_squarefree_part(int(s)) for s in np.rint(squares) if s > 0}
    return parts.pop() if len(parts) == 1 else None


def _squarefree_part(n: int) -> int:
    for q in range(int(n**0.5), 1, -1):
        if n % (q * q) == 0:
            return n // (q * q)
    return n


def _orbit_forms(
    group: FiniteGroup, irreducible: RealIrreducible, square: int
) -> Iterator[tuple[DivisionAlgebra, Array]]:
    """The representation in bases taken from orbits of lines on which subgroups act by signs; K = R or C."""
    algebra = DivisionAlgebra((square,)) if square else DivisionAlgebra()
    values = irreducible.entries[..., 0] + (1j * irreducible.entries[..., 1] if square else 0j)
    for subgroup, signs in _sign_characters(group) if irreducible.degree > 1 else [_trivial(group)]:
        projector = np.einsum("h,hij->ij", signs, values[subgroup]) / len(subgroup)
        if abs(np.trace(projector) - 1) > 1e-6:
            continue
        line = projector[:, np.argmax(np.linalg.norm(projector, axis=0))]
        basis = _pivoted(values @ line, irreducible.degree)
        moved = np.linalg.solve(basis, values @ basis)
        components = [moved.real, moved.imag / np.sqrt(square)] if square else [moved.real]
        yield algebra, np.stack(components, axis=-1)


def _pivoted(orbit: NDArray[np.complex128], degree: int) -> NDArray[np.complex128]:
    """The first vectors of an orbit, each as far from the span of those before as any; as columns."""
    chosen: list[NDArray[np.complex128]] = []
    rest = np.array(orbit)
    for _ in range(degree):
        pick = int(np.argmax(np.round(np.linalg.norm(rest, axis=1), 6)))
        chosen.append(orbit[pick])
        direction = rest[pick] / np.linalg.norm(rest[pick])
        rest = rest - np.outer(rest @ direction.conj(), direction)
    return np.stack(chosen, axis=1)


def _trivial(group: FiniteGroup) -> tuple[Elements, Array]:
    return np.array([group.identity]), np.ones(1)


def _sign_characters(group: FiniteGroup) -> Iterator[tuple[Elements, Array]]:
    """(H, λ) for subgroups H up to conjugacy and homomorphisms λ: H → {1, −1}."""
    for subgroup, *_ in subgroup_classes(group):
        yield subgroup, np.ones(len(subgroup))
        for kernel in subgroups(group):
            if 2 * len(kernel) == len(subgroup) and np.isin(kernel, subgroup).all():
                yield subgroup, np.where(np.isin(subgroup, kernel), 1.0, -1.0)


def _quaternion_forms(irreducible: RealIrreducible) -> Iterator[tuple[DivisionAlgebra, Array]]:
    """A representation in the unit quaternions, in the basis 1, i, j, ij for two of its values i ⟂ j, i² = j² = −1."""
    if irreducible.degree > 1:
        return
    algebra, values = irreducible.algebra, irreducible.entries[:, 0, 0]
    units = values[np.abs(values[:, 0]) < 1e-7]
    if len(units) == 0:
        return
    perpendicular = units[np.abs(units @ units[0]) < 1e-7]
    if len(perpendicular) == 0:
        return
    i, j = units[0], perpendicular[0]
    k = np.einsum("a,b,abc->c", i, j, algebra.structure)
    basis = np.stack([np.eye(4)[0], i, j, k])  # orthonormal, with the multiplication table of 1, i, j, k
    yield algebra, (values @ basis.T)[:, None, None, :]


def _proved(group: FiniteGroup, algebra: DivisionAlgebra, entries: Array) -> RealIrreducible | None:
    """The representation with entries rounded to fractions, if these are a homomorphism exactly."""
    for denominator in _DENOMINATORS:
        scaled = np.rint(entries * denominator)
        if np.abs(scaled - entries * denominator).max() < 1e-7:
            break
    else:
        return None
    numerators, structure = scaled.astype(np.int64), np.rint(algebra.structure).astype(np.int64)
    unit = np.zeros_like(numerators[0])
    unit[..., 0] = denominator * np.eye(len(unit), dtype=np.int64)
    if not np.array_equal(numerators[group.identity], unit):
        return None
    for generator in group.generators:
        product = np.einsum("gija,jkb,abc->gikc", numerators, numerators[generator], structure)
        if not np.array_equal(product, denominator * numerators[group.table[:, generator]]):
            return None
    return RealIrreducible(algebra, numerators / denominator, denominator)
