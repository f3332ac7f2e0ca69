"""Groups by name: what `FiniteGroup.name` says, read back."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.dicyclic import dicyclic
from stl_algebra.groups.dihedral import dihedral, modular, semidihedral
from stl_algebra.groups.direct_product import direct_product, elementary_abelian
from stl_algebra.groups.group import MAX_ORDER, FiniteGroup
from stl_algebra.groups.library import library
from stl_algebra.groups.matrix_group import heisenberg, special_linear
from stl_algebra.groups.permutation import alternating, symmetric

#: Families with one parameter, by the pattern of their names.
_FAMILIES: tuple[tuple[str, Callable[[int], FiniteGroup]], ...] = (
    (r"C(\d+)", cyclic),
    (r"D(\d+)", dihedral),
    (r"Dic(\d+)", dicyclic),
    (r"Q(\d+)", lambda order: dicyclic(order // 4)),
    (r"SD(\d+)", semidihedral),
    (r"M(\d+)", modular),
    (r"S(\d+)", symmetric),
    (r"A(\d+)", alternating),
    (r"He(\d+)", heisenberg),
    (r"SL\(2,(\d+)\)", special_linear),
)


@lru_cache(maxsize=256)
def group_by_name(name: str) -> FiniteGroup:
    """Build the group that a name stands for.

    Its elements are numbered as the constructions number them, so maps into the group keep their meaning.

    Parameters
    ----------
    name : str
        The name of a group of the library, of a family (``C40``, ``D20``, ``Q32``, ``S5``, ``C2^6``), or of a product
        such as ``D4 x C2 x C2``.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If no group has this name.

    Examples
    --------
    >>> group_by_name("SL(2,3)").order, group_by_name("C7 x C2 x C2").order
    (24, 28)
    """
    for group in library():
        if group.name == name:
            return group
    factors = re.split(r" x (?![^(]*\))", name)
    if len(factors) > 1:
        groups = [
            group_by_name(
                factor.strip().removeprefix("(").removesuffix(")") if factor.startswith("(") else factor.strip()
            )
            for factor in factors
        ]
        return direct_product(*groups, name=name)
    power = re.fullmatch(r"C(\d{1,4})\^(\d{1,2})", name)
    if power:
        p, k = map(int, power.groups())
        if p**k <= MAX_ORDER:
            return elementary_abelian(p, k)
    for pattern, build in _FAMILIES:
        match = re.fullmatch(pattern, name)
        if match and len(match[1]) <= len(str(MAX_ORDER)):
            group = build(int(match[1]))
            if group.name == name:
                return group
    raise InvalidInput(f"no group has the name {name[:60]!r}; names look like C12, C2^5, D6, Q8, S4, SL(2,3), D4 x C2")
