"""Dihedral and semidihedral groups."""

from __future__ import annotations

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.semidirect_product import metacyclic


def dihedral(n: int) -> FiniteGroup:
    """The dihedral group Dₙ of order 2n, the symmetries of a regular n-gon; rotation aⁱ is 2i, reflection aⁱb is 2i+1.

    >>> dihedral(4).name, dihedral(4).order
    ('D4', 8)
    """
    if n < 1:
        raise InvalidInput(f"a dihedral group of a {n}-gon does not exist; give a positive number of corners")
    return metacyclic(n, 2, -1 % n if n > 1 else 1, f"D{n}")


def semidihedral(order: int) -> FiniteGroup:
    """The semidihedral group SD of order 2ᵏ ≥ 16: C_{order/2} with b a b = a^{order/4 − 1}.

    >>> semidihedral(16).name
    'SD16'
    """
    _check_power_of_two(order)
    return metacyclic(order // 2, 2, order // 4 - 1, f"SD{order}")


def modular(order: int) -> FiniteGroup:
    """The modular maximal-cyclic group M of order 2ᵏ ≥ 16: C_{order/2} with b a b = a^{order/4 + 1}.

    >>> modular(16).name
    'M16'
    """
    _check_power_of_two(order)
    return metacyclic(order // 2, 2, order // 4 + 1, f"M{order}")


def _check_power_of_two(order: int) -> None:
    if order < 16 or order & (order - 1):
        raise InvalidInput(f"order {order} is not a power of two from 16 on")
