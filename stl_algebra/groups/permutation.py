"""Groups of permutations: from generators, symmetric and alternating."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.generated import generated_group
from stl_algebra.groups.group import MAX_ORDER, FiniteGroup


def from_permutations(generators: Sequence[Sequence[int]], name: str = "permutation group") -> FiniteGroup:
    """Build the group that permutations of 0 … k−1 generate, with (ab)(i) = a(b(i)).

    Schreier–Sims (sympy) finds the order first.

    Parameters
    ----------
    generators : sequence of sequence of int
        Permutations in array form, or sympy permutations. A shorter one fixes the remaining points.
    name : str, default "permutation group"
        The name of the group.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If an array form is not a permutation, or the group has more than MAX_ORDER elements.

    Examples
    --------
    >>> from_permutations([[1, 2, 0], [1, 0, 2]]).order
    6
    """
    from sympy.combinatorics import Permutation, PermutationGroup

    arrays = [list(getattr(g, "array_form", g)) for g in generators]
    degree = max((len(a) for a in arrays), default=1)
    for array in arrays:
        if sorted(array) != list(range(len(array))):
            raise InvalidInput(f"{array} is not a permutation of 0 to {len(array) - 1}")
    padded = [tuple(a) + tuple(range(len(a), degree)) for a in arrays]
    order = int(PermutationGroup([Permutation(list(a), size=degree) for a in padded]).order()) if padded else 1
    if order > MAX_ORDER:
        raise InvalidInput(f"these permutations generate {order} elements; groups up to {MAX_ORDER} are supported")
    return generated_group(name, tuple(range(degree)), padded, compose)


def compose(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """Compose two permutations: i ↦ a(b(i)).

    Parameters
    ----------
    a : tuple of int
        The permutation applied last, in array form.
    b : tuple of int
        The permutation applied first, in array form.

    Returns
    -------
    tuple of int
        The composition, in array form.
    """
    return tuple(a[i] for i in b)


def symmetric(n: int) -> FiniteGroup:
    """Build the symmetric group Sₙ of order n!, its elements in the order of `symmetric_action`.

    Parameters
    ----------
    n : int
        The number of points, from 1 to 6.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If n is outside this range.

    Examples
    --------
    >>> symmetric(3).order
    6
    """
    return FiniteGroup(f"S{n}", _table(symmetric_action(n)))


def alternating(n: int) -> FiniteGroup:
    """Build the alternating group Aₙ, the even permutations in the order of `symmetric_action`.

    Parameters
    ----------
    n : int
        The number of points, from 1 to 6.

    Returns
    -------
    FiniteGroup
        The group.

    Raises
    ------
    InvalidInput
        If n is outside this range.

    Examples
    --------
    >>> alternating(4).order
    12
    """
    action = symmetric_action(n)
    upper = np.triu(np.ones((n, n), dtype=bool), 1)
    inversions = ((action[:, :, None] > action[:, None, :]) & upper).sum(axis=(1, 2))
    return FiniteGroup(f"A{n}", _table(action[inversions % 2 == 0]))


def symmetric_action(n: int) -> NDArray[np.int64]:
    """List all permutations of 0 … n−1 in lexicographic order.

    Parameters
    ----------
    n : int
        The number of points, from 1 to 6.

    Returns
    -------
    ndarray of int64, shape (n!, n)
        One permutation a row: row g sends i to row[i].

    Raises
    ------
    InvalidInput
        If n is outside this range.

    Examples
    --------
    >>> symmetric_action(2).tolist()
    [[0, 1], [1, 0]]
    """
    if not 1 <= n <= 6:
        raise InvalidInput(f"symmetric groups are supported on 1 to 6 points, not {n}")
    return np.array(list(permutations(range(n))), dtype=np.int64)


def _table(action: NDArray[np.int64]) -> NDArray[np.int64]:
    weights = action.shape[1] ** np.arange(action.shape[1])[::-1]  # lexicographic order is numeric order
    codes = action @ weights
    products = action[:, action].reshape(len(action), len(action), -1)
    table: NDArray[np.int64] = np.searchsorted(codes, products @ weights)
    return table
