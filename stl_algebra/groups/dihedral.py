"""Dihedral and semidihedral groups."""

from __future__ import annotations

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.semidirect_product import metacyclic


def dihedral(n: int) -> FiniteGroup:
    """Build the dihedral group Dₙ of order 2n, the symmetries of a regular n-gon.

    The rotation aⁱ has the number 2i, the reflection aⁱb the number 2i + 1.

    Parameters
    ----------
    n : int
        The number of corners, at least 1.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If n is not positive.

    Examples
    --------
    >>> dihedral(4).name, dihedral(4).order
    ('D4', 8)
    """
    if n < 1:
        raise InvalidInput(f"a dihedral group of a {n}-gon does not exist; give a positive number of corners")
    return metacyclic(n, 2, -1 % n if n > 1 else 1, f"D{n}")


def semidihedral(order: int) -> FiniteGroup:
    """Build the semidihedral group SD: C_{order/2} and an element b with b a b = a^{order/4 − 1}.

    Parameters
    ----------
    order : int
        The order, a power of two from 16 on.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If the order is not such a power of two.

    Examples
    --------
    >>> semidihedral(16).name
    'SD16'
    """
    _check_power_of_two(order)
    return metacyclic(order // 2, 2, order // 4 - 1, f"SD{order}")


def modular(order: int) -> FiniteGroup:
    """Build the modular maximal-cyclic group M: C_{order/2} and an element b with b a b = a^{order/4 + 1}.

    Parameters
    ----------
    order : int
        The order, a power of two from 16 on.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If the order is not such a power of two.

    Examples
    --------
    >>> modular(16).name
    'M16'
    """
    _check_power_of_two(order)
    return metacyclic(order // 2, 2, order // 4 + 1, f"M{order}")


def _check_power_of_two(order: int) -> None:
    if order < 16 or order & (order - 1):
        raise InvalidInput(f"order {order} is not a power of two of at least 16")
