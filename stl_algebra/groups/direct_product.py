"""Direct products of groups, and the abelian groups they give."""

from __future__ import annotations

from functools import reduce

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.group import Elements, FiniteGroup


def direct_product(*factors: FiniteGroup, name: str | None = None) -> FiniteGroup:
    """Build the direct product G₁ × … × G_k.

    Elements (g₁, …, g_k) are numbered row-major: the last factor runs fastest.

    Parameters
    ----------
    *factors : FiniteGroup
        The factors, at least one.
    name : str, optional
        The name of the product; by default the names of the factors joined by ``x``.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If no factor is given, or the product has more than MAX_ORDER elements.

    Examples
    --------
    >>> direct_product(cyclic(2), cyclic(3)).name
    'C2 x C3'
    """
    if not factors:
        raise InvalidInput("a direct product needs at least one factor")
    table = reduce(_product_table, (factor.table for factor in factors))
    return FiniteGroup(name or " x ".join(_bracketed(factor.name) for factor in factors), table)


def abelian(*orders: int) -> FiniteGroup:
    """Build the abelian group C_{n₁} × … × C_{n_k}.

    Parameters
    ----------
    *orders : int
        The orders of the cyclic factors, each at least 1.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If no order is given or one is not positive.

    Examples
    --------
    >>> abelian(4, 2).name, abelian(4, 2).exponent
    ('C4 x C2', 4)
    """
    return direct_product(*(cyclic(n) for n in orders))


def elementary_abelian(p: int, k: int) -> FiniteGroup:
    """Build the elementary abelian group C_pᵏ of vectors of length k over GF(p).

    Parameters
    ----------
    p : int
        A prime.
    k : int
        The number of factors, at least 1.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If p is not prime or k is not positive.

    Examples
    --------
    >>> elementary_abelian(2, 3).name, elementary_abelian(2, 3).order
    ('C2^3', 8)
    """
    check_prime(p)
    if k < 1:
        raise InvalidInput(f"an elementary abelian group needs at least one factor, not {k}")
    return direct_product(*[cyclic(p)] * k, name=f"C{p}^{k}" if k > 1 else f"C{p}")


def check_prime(p: int) -> int:
    """Check that a number is prime.

    Parameters
    ----------
    p : int
        The number.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InvalidInput
        If p is not prime.
    """
    if p < 2 or any(p % q == 0 for q in range(2, int(p**0.5) + 1)):
        raise InvalidInput(f"{p} is not a prime number")
    return p


def _product_table(first: Elements, second: Elements) -> Elements:
    size = len(first) * len(second)
    table: Elements = (first[:, None, :, None] * len(second) + second[None, :, None, :]).reshape(size, size)
    return table


def _bracketed(name: str) -> str:
    return f"({name})" if ":" in name or " o " in name or " wr " in name else name
