"""Orbit types: the subgroups that can fix a product, and the linear spaces of products they fix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import lcm

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.symmetry.element import Symmetry
from stl_algebra.symmetry.orbits import match_factors
from stl_algebra.symmetry.subgroups import Group

SIGNS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


@dataclass(frozen=True, eq=False)
class OrbitType:
    """A kind of orbit of a group Γ on products: which elements fix its representative, and where it may lie.

    Parameters
    ----------
    stabiliser : tuple of Symmetry
        The subgroup H that fixes the representative F₀⊗F₁⊗F₂.
    transversal : tuple of Symmetry
        One element of Γ for each product of the orbit.
    basis : ndarray of float64, shape (parameters, n·m + m·p + p·n)
        A basis of the triples (vec F₀, vec F₁, vec F₂) that H fixes, up to one sign for each slot, of product 1.
    """

    stabiliser: Group
    transversal: Group
    basis: NDArray[np.float64]

    @property
    def length(self) -> int:
        """The number |Γ|/|H| of products of the orbit."""
        return len(self.transversal)

    @property
    def parameters(self) -> int:
        """The dimension of the space in which the representative lies."""
        return len(self.basis)

    def __repr__(self) -> str:
        return f"OrbitType(length={self.length}, parameters={self.parameters}, stabiliser={len(self.stabiliser)})"


@lru_cache(maxsize=64)
def orbit_types(group: Group, largest: int | None = None) -> tuple[OrbitType, ...]:
    """List the orbit types of a finite group, the longest orbits first.

    Stabilisers are those of a generic representative, up to conjugacy. Fixed spaces are taken up to moving signs
    between the three factors.

    Parameters
    ----------
    group : tuple of Symmetry
        All elements of a group with unimodular bases. Every finite group of rational matrices is conjugate to one of
        integer matrices.
    largest : int, optional
        The largest order of a stabiliser; by default all are listed.

    Returns
    -------
    tuple of OrbitType
        The orbit types.

    Raises
    ------
    InvalidInput
        If a basis is not unimodular, or the symmetries are not closed under composition.

    References
    ----------
    .. [1] Ballard, Ikenmeyer, Landsberg, Ryder, The geometry of rank decompositions of matrix multiplication II, 2018.

    Examples
    --------
    >>> from stl_algebra import Format
    >>> from stl_algebra.symmetry import named_subgroups
    >>> orbit_types(named_subgroups(Format(4, 4, 4))["Z3"])
    (OrbitType(length=3, parameters=48, stabiliser=1), OrbitType(length=1, parameters=16, stabiliser=3))
    """
    if not all(element.is_unimodular for element in group):
        raise InvalidInput("orbit types need bases with determinant ±1; conjugate the group into integer matrices")
    table = _Table(group)
    found = []
    for stabiliser in table.subgroups_up_to_conjugacy(largest or table.order):
        for basis in _fixed_spaces([group[i] for i in table.generators(stabiliser)], group[0]):
            elements = tuple(group[i] for i in sorted(stabiliser))
            kind = OrbitType(elements, tuple(group[i] for i in table.transversal(stabiliser)), basis)
            if _is_faithful(kind, group):
                found.append(kind)
    return tuple(sorted(found, key=lambda kind: (-kind.length, -kind.parameters)))


def _is_faithful(kind: OrbitType, group: Group) -> bool:
    """Whether no element outside the stabiliser fixes a generic representative too."""
    n, m, p = group[0].format
    point = np.random.default_rng(0).standard_normal(kind.parameters) @ kind.basis
    u, v, z = np.split(point[None, :], [n * m, n * m + m * p], axis=1)
    others = set(group) - set(kind.stabiliser)
    return not any(match_factors(element.act((u, v, z)), (u, v, z)) is not None for element in others)


class _Table:
    """The multiplication table of a group given by its elements."""

    def __init__(self, group: Group) -> None:
        index = {element: i for i, element in enumerate(group)}
        try:
            self.product = [[index[g @ h] for h in group] for g in group]
        except KeyError:
            raise InvalidInput("these symmetries are not closed under composition; use `generate`") from None
        self.order = len(group)
        self.identity = index[Symmetry.of(group[0].format)]
        self.inverse = [row.index(self.identity) for row in self.product]

    def closure(self, elements: frozenset[int]) -> frozenset[int]:
        while True:
            larger = elements | {self.product[g][h] for g in elements for h in elements}
            if larger == elements:
                return elements
            elements = larger

    def subgroups_up_to_conjugacy(self, largest: int) -> list[frozenset[int]]:
        """One of each class of the subgroups of order at most `largest`."""
        cyclic = {self.closure(frozenset({g})) for g in range(self.order)}
        found = {subgroup for subgroup in cyclic if len(subgroup) <= largest}
        new = found
        while new:
            made = {self.closure(a | b) for a in new for b in cyclic if len(b) <= largest}
            new = {subgroup for subgroup in made if len(subgroup) <= largest} - found
            found |= new
        classes: dict[frozenset[frozenset[int]], frozenset[int]] = {}
        for subgroup in sorted(found, key=sorted):
            conjugates = frozenset(
                frozenset(self.product[self.product[g][h]][self.inverse[g]] for h in subgroup)
                for g in range(self.order)
            )
            classes.setdefault(conjugates, subgroup)
        return list(classes.values())

    def generators(self, subgroup: frozenset[int]) -> list[int]:
        chosen: list[int] = []
        reached = frozenset({self.identity})
        for element in sorted(subgroup):
            if element not in reached:
                chosen.append(element)
                reached = self.closure(reached | {element})
        return chosen

    def transversal(self, subgroup: frozenset[int]) -> list[int]:
        seen: set[int] = set()
        chosen = []
        for g in range(self.order):
            if g not in seen:
                chosen.append(g)
                seen |= {self.product[g][h] for h in subgroup}
        return chosen


def _fixed_spaces(generators: list[Symmetry], identity: Symmetry) -> list[NDArray[np.float64]]:
    """The spaces of triples that the generators fix up to signs, one for each way the signs can fall.

    Generators are taken one after another, each within the spaces that those before it leave.
    """
    n, m, p = identity.format
    sizes = (n * m, m * p, p * n)
    slots = np.repeat(np.arange(3), sizes)
    spaces = [np.eye(len(slots))]
    for element in generators:
        operator = _operator(element, sizes)
        found: dict[bytes, NDArray[np.float64]] = {}
        for basis, sign in product(spaces, SIGNS):
            moved = basis @ operator.T - basis * np.array(sign)[slots]
            smaller = _null_space(moved.T) @ basis
            if len(smaller) and all(np.any(smaller[:, slots == slot]) for slot in range(3)):
                found.setdefault(_projector(smaller).tobytes(), smaller)
        spaces = list(found.values())
    different: dict[bytes, NDArray[np.float64]] = {}
    for basis in spaces:
        key = min(_projector(basis * np.array(gauge)[slots]).tobytes() for gauge in SIGNS)
        different.setdefault(key, basis)
    return list(different.values())


def _operator(element: Symmetry, sizes: tuple[int, int, int]) -> NDArray[np.float64]:
    starts = np.concatenate([[0], np.cumsum(sizes)])
    whole = np.zeros((starts[-1], starts[-1]))
    for slot in range(3):
        source = element.source(slot)
        whole[starts[slot] : starts[slot + 1], starts[source] : starts[source + 1]] = element.slot_map(slot)
    return whole


def _null_space(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A basis of the null space of an integer matrix, rows of integers: for signed permutations sums of ± entries."""
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    rows = matrix[np.any(matrix != 0, axis=1)].astype(int).tolist()
    if not rows:
        return np.eye(matrix.shape[1])
    space = (
        DomainMatrix([[QQ(v) for v in row] for row in rows], (len(rows), matrix.shape[1]), QQ).to_sparse().nullspace()
    )
    found = [[(int(v.numerator), int(v.denominator)) for v in row] for row in space.to_dense().to_list()]
    scales = [lcm(*(denominator for _, denominator in row)) for row in found]
    return np.array(
        [[float(a * (scale // b)) for a, b in row] for row, scale in zip(found, scales, strict=True)]
    ).reshape(space.shape)


def _projector(basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """The orthogonal projector onto the row span, rounded: equal for equal spans."""
    orthonormal: NDArray[np.float64] = np.linalg.qr(basis.T)[0]
    return np.round(orthonormal @ orthonormal.T, 6) + 0.0
