"""The library of small groups: one for each isomorphism class of every order up to 31."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.dicyclic import dicyclic
from stl_algebra.groups.dihedral import dihedral, modular, semidihedral
from stl_algebra.groups.direct_product import abelian, direct_product, elementary_abelian
from stl_algebra.groups.frobenius import frobenius
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.matrix_group import heisenberg, special_linear
from stl_algebra.groups.permutation import alternating, symmetric
from stl_algebra.groups.semidirect_product import generalised_dihedral, metacyclic, semidirect_product

#: Up to this order the library holds one group of every isomorphism class.
COMPLETE_TO = 31


@lru_cache(maxsize=64)
def groups_of_order(order: int) -> tuple[FiniteGroup, ...]:
    """List all groups of one order, one for each isomorphism class, abelian groups first.

    Parameters
    ----------
    order : int
        An order from 1 to 31.

    Returns
    -------
    tuple of FiniteGroup
        The groups.

    Raises
    ------
    InvalidInput
        If the order is outside this range.

    References
    ----------
    .. [1] Besche, Eick, O'Brien, A millennium project: constructing small groups, 2002 (the number of groups of each
       order).

    Examples
    --------
    >>> [g.name for g in groups_of_order(12)]
    ['C12', 'C6 x C2', 'D6', 'Dic3', 'A4']
    """
    if not 1 <= order <= COMPLETE_TO:
        raise InvalidInput(f"the library holds the groups of order 1 to {COMPLETE_TO}, not {order}")
    found = [abelian(*invariants) for invariants in _abelian_types(order)]
    found += _dihedral_kinds(order)
    found += _others().get(order, [])
    return tuple(found)


def library() -> tuple[FiniteGroup, ...]:
    """List all groups of order 1 to 31, one for each isomorphism class.

    Returns
    -------
    tuple of FiniteGroup
        The 93 groups, by order.

    Examples
    --------
    >>> len(library())
    93
    """
    return tuple(group for order in range(1, COMPLETE_TO + 1) for group in groups_of_order(order))


def _abelian_types(order: int) -> list[tuple[int, ...]]:
    """The invariant factors n₁, n₂, … with n₂ | n₁, n₃ | n₂, … and product `order`, largest first."""

    def chains(rest: int, bound: int) -> list[tuple[int, ...]]:
        if rest == 1:
            return [()]
        divisors = [d for d in range(rest, 1, -1) if rest % d == 0 and bound % d == 0]
        return [(d, *tail) for d in divisors for tail in chains(rest // d, d)]

    return chains(order, order) if order > 1 else [(1,)]


def _dihedral_kinds(order: int) -> list[FiniteGroup]:
    """Dₙ and the dicyclic group, if they are not abelian."""
    kinds = [dihedral(order // 2)] if order % 2 == 0 and order >= 6 else []
    return kinds + ([dicyclic(order // 4)] if order % 4 == 0 and order >= 8 else [])


@lru_cache(maxsize=1)
def _others() -> dict[int, list[FiniteGroup]]:
    """The non-abelian groups that are neither dihedral nor dicyclic, by order."""
    s3, d4, q8 = symmetric(3), dihedral(4), dicyclic(2)
    return {
        12: [alternating(4)],
        16: [
            semidihedral(16),
            modular(16),
            metacyclic(4, 4, 3),
            direct_product(cyclic(2), d4),
            direct_product(cyclic(2), q8),
            _swapped_plane(),
            _pauli(),
        ],
        18: [direct_product(cyclic(3), s3), generalised_dihedral(elementary_abelian(3, 2))],
        20: [frobenius(5)],
        21: [frobenius(7, 3)],
        24: [
            symmetric(4),
            special_linear(3),
            direct_product(cyclic(2), alternating(4)),
            direct_product(cyclic(4), s3),
            direct_product(cyclic(2), cyclic(2), s3),
            direct_product(cyclic(3), d4),
            direct_product(cyclic(3), q8),
            direct_product(cyclic(2), dicyclic(3)),
            metacyclic(3, 8, 2),
            _c3_by_d4(),
        ],
        27: [heisenberg(3), metacyclic(9, 3, 4)],
        30: [direct_product(cyclic(5), s3), direct_product(cyclic(3), dihedral(5))],
    }


def _swapped_plane() -> FiniteGroup:
    """C2² ⋊ C4, the generator of C4 exchanging the two factors."""
    exchange = np.array([0, 2, 1, 3])
    return semidirect_product(elementary_abelian(2, 2), cyclic(4), [np.arange(4), exchange] * 2)


def _pauli() -> FiniteGroup:
    """The Pauli group C4 ∘ D4 (central product), as (C4 × C2) ⋊ C2 with (a, b) ↦ (a + 2b, b)."""
    a, b = np.divmod(np.arange(8), 2)
    twist = 2 * ((a + 2 * b) % 4) + b
    return semidirect_product(abelian(4, 2), cyclic(2), [np.arange(8), twist], "C4 o D4")


def _c3_by_d4() -> FiniteGroup:
    """C3 ⋊ D4, a subgroup C2² of D4 acting trivially; ⟨a², b⟩ of D4 = ⟨a, b⟩."""
    d4 = dihedral(4)
    rotation = np.arange(8) // 2
    inversion = np.array([0, 2, 1])
    return semidirect_product(cyclic(3), d4, [inversion if i % 2 else np.arange(3) for i in rotation])
