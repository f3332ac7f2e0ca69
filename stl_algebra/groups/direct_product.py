"""Direct products of groups, and the abelian groups they give."""

from __future__ import annotations

from functools import reduce

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.group import FiniteGroup


def direct_product(*factors: FiniteGroup, name: str | None = None) -> FiniteGroup:
    """The direct product G₁ × … × G_k; (g₁, …, g_k) is numbered row-major, the last factor fastest.

    >>> direct_product(cyclic(2), cyclic(3)).name
    'C2 x C3'
    """
    if not factors:
        raise InvalidInput("a direct product needs at least one factor")
    table = reduce(_product_table, (factor.table for factor in factors))
    return FiniteGroup(name or " x ".join(_bracketed(factor.name) for factor in factors), table)


def abelian(*orders: int) -> FiniteGroup:
    """The abelian group C_{n₁} × … × C_{n_k}.

    >>> abelian(4, 2).name, abelian(4, 2).exponent
    ('C4 x C2', 4)
    """
    return direct_product(*(cyclic(n) for n in orders))


def elementary_abelian(p: int, k: int) -> FiniteGroup:
    """The elementary abelian group C_pᵏ: vectors of length k over GF(p), p prime.

    >>> elementary_abelian(2, 3).name, elementary_abelian(2, 3).order
    ('C2^3', 8)
    """
    check_prime(p)
    if k < 1:
        raise InvalidInput(f"an elementary abelian group needs at least one factor, not {k}")
    return direct_product(*[cyclic(p)] * k, name=f"C{p}^{k}" if k > 1 else f"C{p}")


def check_prime(p: int) -> int:
    """Return p, or raise InvalidInput where it is not prime."""
    if p < 2 or any(p % q == 0 for q in range(2, int(p**0.5) + 1)):
        raise InvalidInput(f"{p} is not a prime number")
    return p


def _product_table(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    size = len(first) * len(second)
    return (first[:, None, :, None] * len(second) + second[None, :, None, :]).reshape(size, size)


def _bracketed(name: str) -> str:
    return f"({name})" if ":" in name or " o " in name or " wr " in name else name
