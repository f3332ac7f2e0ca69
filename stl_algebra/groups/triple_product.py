"""The triple product property of subsets of a group, and its simultaneous form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.group import Elements, FiniteGroup

Triple = tuple[ArrayLike, ArrayLike, ArrayLike]


def has_triple_product_property(group: FiniteGroup, s: ArrayLike, t: ArrayLike, u: ArrayLike) -> bool:
    """Tell whether three subsets have the triple product property.

    They have it if q_s q_t q_u = 1 only for q_s = q_t = q_u = 1, each q a quotient x y⁻¹ of its subset. Subsets of
    sizes n, m, p with the property make the group algebra multiply n×m by m×p matrices: G realises ⟨n,m,p⟩.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    s : array_like of int
        Elements of the first subset.
    t : array_like of int
        Elements of the second subset.
    u : array_like of int
        Elements of the third subset.

    Returns
    -------
    bool
        True if the subsets have the property.

    Raises
    ------
    InvalidInput
        If a subset is empty, or a number is not an element of the group.

    References
    ----------
    .. [1] Cohn, Umans, A group-theoretic approach to fast matrix multiplication, 2003, Definition 2.1.
    .. [2] Hedtke, Murthy, Search and test algorithms for triple product property triples, 2012 (this test).

    Examples
    --------
    >>> from stl_algebra.groups import symmetric
    >>> has_triple_product_property(symmetric(3), [0, 1], [0, 2], [0, 5])
    True
    """
    q_s, q_t, q_u = (quotient_set(group, subset) for subset in (s, t, u))
    if (q_s & q_t).sum() > 1:
        return False
    products = np.zeros(group.order, dtype=bool)
    products[group.table[np.ix_(np.flatnonzero(q_s), np.flatnonzero(q_t))]] = True
    return int((products & q_u).sum()) == 1


def quotient_set(group: FiniteGroup, subset: ArrayLike) -> NDArray[np.bool_]:
    """Mark the quotients Q(S) = {x y⁻¹ : x, y ∈ S} of a subset.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    subset : array_like of int
        Elements of S.

    Returns
    -------
    ndarray of bool, shape (|G|,)
        True for the elements of Q(S).

    Raises
    ------
    InvalidInput
        If the subset is empty, or a number is not an element of the group.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> quotient_set(cyclic(5), [0, 1]).tolist()
    [True, True, False, False, True]
    """
    members = group.subset(subset)
    if len(members) == 0:
        raise InvalidInput("a subset for the triple product property needs at least one element")
    mask = np.zeros(group.order, dtype=bool)
    mask[group.quotients[np.ix_(members, members)]] = True
    return mask


def has_simultaneous_triple_product_property(group: FiniteGroup, triples: Sequence[Triple]) -> bool:
    """Tell whether triples (A_i, B_i, C_i) of subsets have the simultaneous triple product property.

    They have it if a a'⁻¹ b b'⁻¹ c c'⁻¹ = 1 with a ∈ A_i, a' ∈ A_j, b ∈ B_j, b' ∈ B_k, c ∈ C_k, c' ∈ C_i implies i = j
    = k and a = a', b = b', c = c'. G then computes all products ⟨|A_i|, |B_i|, |C_i|⟩ in one multiplication of its
    algebra.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    triples : sequence of tuples of three array_like of int
        The triples.

    Returns
    -------
    bool
        True if the triples have the property.

    Raises
    ------
    InvalidInput
        If a subset is empty, or a number is not an element of the group.

    References
    ----------
    .. [1] Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §5.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> has_simultaneous_triple_product_property(cyclic(4), [([0], [0, 1], [0, 2])])
    True
    """
    families = [[group.subset(subset) for subset in triple] for triple in triples]
    if any(len(subset) == 0 for family in families for subset in family):
        raise InvalidInput("a subset for the triple product property needs at least one element")
    first, second, third = zip(*families, strict=True)
    count = 0
    for i, j in np.ndindex(len(families), len(families)):
        left = np.bincount(_quotients(group, first[i], first[j]), minlength=group.order)
        for k in range(len(families)):
            middle = np.bincount(_quotients(group, second[j], second[k]), minlength=group.order)
            right = np.bincount(_quotients(group, third[k], third[i]), minlength=group.order)
            count += int(np.einsum("a,b,ab->", left, middle, right[group.inverses[group.table]]))
    return count == sum(len(a) * len(b) * len(c) for a, b, c in families)


def _quotients(group: FiniteGroup, left: Elements, right: Elements) -> Elements:
    """All x y⁻¹ with x in left, y in right, with repetition."""
    return group.quotients[np.ix_(left, right)].ravel()
