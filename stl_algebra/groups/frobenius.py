"""Frobenius groups of affine maps over a prime field."""

from __future__ import annotations

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.direct_product import check_prime
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.semidirect_product import metacyclic


def frobenius(p: int, k: int | None = None) -> FiniteGroup:
    """Build the group F of affine maps x ↦ a·x + b over GF(p), with a in the subgroup of order k of GF(p)*.

    Parameters
    ----------
    p : int
        A prime.
    k : int, optional
        A divisor of p − 1. The default p − 1 gives the whole affine group AGL(1, p).

    Returns
    -------
    FiniteGroup
        The group, of order p·k.

    Raises
    ------
    InvalidInput
        If p is not prime or k does not divide p − 1.

    Examples
    --------
    >>> frobenius(5).name, frobenius(7, 3).name
    ('F20', 'F21')
    """
    check_prime(p)
    k = p - 1 if k is None else k
    if k < 1 or (p - 1) % k:
        raise InvalidInput(f"GF({p}) has no multiplicative subgroup of order {k}; give a divisor of {p - 1}")
    element = next(r for r in range(1, p) if len({pow(r, e, p) for e in range(p - 1)}) == k)
    return metacyclic(p, k, element, f"F{p * k}")
