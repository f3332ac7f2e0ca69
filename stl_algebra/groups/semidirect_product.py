"""Semidirect products, split metacyclic groups and generalised dihedral groups."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import ArrayLike

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.group import FiniteGroup


def semidirect_product(
    normal: FiniteGroup, acting: FiniteGroup, action: ArrayLike, name: str | None = None
) -> FiniteGroup:
    """Build the semidirect product N ⋊ H of pairs with (a, g)(b, h) = (a·φ_g(b), g·h).

    The pair (a, g) has the number a·|H| + g.

    Parameters
    ----------
    normal : FiniteGroup
        The normal subgroup N.
    acting : FiniteGroup
        The acting group H.
    action : array_like of int, shape (|H|, |N|)
        The automorphisms: action[g] is φ_g as a permutation of N.
    name : str, optional
        The name of the product; by default ``N : H``.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If a row is not an automorphism, or the rows do not multiply as H does.

    Examples
    --------
    >>> inversion = [[0, 1, 2], [0, 2, 1]]
    >>> semidirect_product(cyclic(3), cyclic(2), inversion).is_abelian
    False
    """
    phi = np.asarray(action, dtype=np.int64)
    if phi.shape != (acting.order, normal.order):
        expected = (acting.order, normal.order)
        raise InvalidInput(f"an action of {acting.name} on {normal.name} has shape {expected}, not {phi.shape}")
    for x, row in enumerate(phi):
        if not np.array_equal(np.sort(row), np.arange(normal.order)):
            raise InvalidInput(f"element {x} of {acting.name} does not act by a permutation of {normal.name}")
        if not np.array_equal(row[normal.table], normal.table[np.ix_(row, row)]):
            raise InvalidInput(f"element {x} of {acting.name} does not act by an automorphism of {normal.name}")
    wrong = np.argwhere(phi[acting.table] != phi[:, phi].reshape(acting.order, acting.order, -1))
    if len(wrong):
        x, y, moved = wrong[0]
        raise InvalidInput(
            f"the action is not a homomorphism: {x}·{y} in {acting.name} does not send element {moved} of "
            f"{normal.name} where {y} and then {x} send it"
        )
    size = normal.order * acting.order
    a, g = np.divmod(np.arange(size)[:, None], acting.order)
    b, h = np.divmod(np.arange(size)[None, :], acting.order)
    table = normal.table[a, phi[g, b]] * acting.order + acting.table[g, h]
    return FiniteGroup(name or f"{_bracketed(normal.name)} : {_bracketed(acting.name)}", table)


def metacyclic(m: int, n: int, r: int, name: str | None = None) -> FiniteGroup:
    """Build the split metacyclic group C_m ⋊_r C_n = ⟨a, b | aᵐ = bⁿ = 1, b a b⁻¹ = aʳ⟩.

    Semidihedral, modular and Frobenius groups are of this kind.

    Parameters
    ----------
    m : int
        The order of a, at least 1.
    n : int
        The order of b, at least 1.
    r : int
        The exponent, with rⁿ ≡ 1 (mod m).
    name : str, optional
        The name of the group; by default ``C{m} :{r} C{n}``.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If rⁿ is not 1 modulo m.

    Examples
    --------
    >>> metacyclic(7, 3, 2).name
    'C7 :2 C3'
    """
    if m < 1 or n < 1 or gcd(r, m) != 1 or pow(r, n, m) != 1 % m:
        raise InvalidInput(f"C{m} :{r} C{n} is not a group: {r}^{n} is not 1 modulo {m}; give r with r^n = 1 (mod m)")
    powers = np.array([[pow(r, g, m) * a % m for a in range(m)] for g in range(n)])
    return semidirect_product(cyclic(m), cyclic(n), powers, name or f"C{m} :{r} C{n}")


def generalised_dihedral(base: FiniteGroup, name: str | None = None) -> FiniteGroup:
    """Build Dih(A) = A ⋊ C₂, in which C₂ inverts an abelian group A.

    Parameters
    ----------
    base : FiniteGroup
        The abelian group A.
    name : str, optional
        The name of the group; by default ``A : C2``.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If A is not abelian.

    Examples
    --------
    >>> generalised_dihedral(cyclic(5)).order
    10
    """
    if not base.is_abelian:
        raise InvalidInput(f"inversion is not an automorphism of {base.name}, which is not abelian")
    action = [np.arange(base.order), base.inverses]
    return semidirect_product(base, cyclic(2), action, name or f"{_bracketed(base.name)} : C2")


def _bracketed(name: str) -> str:
    return f"({name})" if " " in name else name
