"""A finite group by its Cayley table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from math import lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.errors import InvalidInput

Elements = NDArray[np.int64]

#: Tables of larger groups are refused: they have order² entries.
MAX_ORDER = 2048


@dataclass(frozen=True, eq=False)
class FiniteGroup:
    """A finite group G with elements numbered 0 … |G|−1, given by a Cayley table that never changes.

    Groups are equal if their tables are; `are_isomorphic` answers the coarser question.

    Parameters
    ----------
    name : str
        The name, such as ``"C12"``.
    table : array_like of int, shape (|G|, |G|)
        The products: table[a, b] = a·b.

    Raises
    ------
    InvalidInput
        If the table is not square, holds no integers, is larger than MAX_ORDER, or violates an axiom. The message names
        the axiom and the elements that violate it.

    Notes
    -----
    The four axioms are checked on construction, associativity by Light's test on a generating set.

    References
    ----------
    .. [1] Clifford, Preston, The Algebraic Theory of Semigroups I, 1961, §1.2 (Light's test).

    Examples
    --------
    >>> FiniteGroup("C2", [[0, 1], [1, 0]]).order
    2
    >>> FiniteGroup("broken", [[0, 1], [1, 1]])
    Traceback (most recent call last):
        ...
    stl_algebra.errors.InvalidInput: table broken is not a group: inverses fail: no element b has 1·b = 0, the identity
    """

    name: str
    table: Elements

    def __post_init__(self) -> None:
        table = _square_table(self.name, self.table)
        table.setflags(write=False)
        object.__setattr__(self, "table", table)
        failure = _failing_axiom(table)
        if failure is not None:
            raise InvalidInput(f"table {self.name} is not a group: {failure}")

    @property
    def order(self) -> int:
        """The number |G| of elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """The number of the identity element."""
        identity = _identity(self.table)
        assert identity is not None  # checked on construction
        return identity

    @cached_property
    def inverses(self) -> Elements:
        """The inverse of each element, of shape (|G|,): inverses[a] = a⁻¹."""
        rows, columns = np.nonzero(self.table == self.identity)
        return columns[np.argsort(rows)]

    @cached_property
    def quotients(self) -> Elements:
        """The quotients of all pairs, of shape (|G|, |G|): quotients[a, b] = a·b⁻¹."""
        return np.ascontiguousarray(self.table[:, self.inverses])

    @cached_property
    def element_orders(self) -> Elements:
        """The order of each element, of shape (|G|,)."""
        orders = np.zeros(self.order, dtype=np.int64)
        power, exponent = np.arange(self.order), 1
        while not orders.all():
            orders[(power == self.identity) & (orders == 0)] = exponent
            power, exponent = self.table[power, np.arange(self.order)], exponent + 1
        return orders

    @cached_property
    def exponent(self) -> int:
        """The least e > 0 with aᵉ = 1 for every element a."""
        return lcm(*(int(o) for o in self.element_orders))

    @cached_property
    def is_abelian(self) -> bool:
        """Whether all elements commute."""
        return bool(np.array_equal(self.table, self.table.T))

    @cached_property
    def generators(self) -> tuple[int, ...]:
        """A small generating set, chosen greedily from elements of large order."""
        found: list[int] = []
        reached = np.zeros(self.order, dtype=bool)
        reached[self.identity] = True
        for a in np.argsort(-self.element_orders, kind="stable"):
            if not reached[a]:
                found.append(int(a))
                reached = _closure(self.table, found)
                reached[self.identity] = True
        return tuple(found)

    def power(self, element: int, exponent: int) -> int:
        """Compute a power of an element.

        Parameters
        ----------
        element : int
            The number of the element.
        exponent : int
            Any integer.

        Returns
        -------
        int
            The number of element^exponent.

        Examples
        --------
        >>> FiniteGroup("C2", [[0, 1], [1, 0]]).power(1, -3)
        1
        """
        result = self.identity
        for _ in range(exponent % int(self.element_orders[element])):
            result = int(self.table[result, element])
        return result

    def subset(self, elements: ArrayLike) -> Elements:
        """Check and sort the elements of a subset.

        Parameters
        ----------
        elements : array_like of int
            Numbers of elements, repetitions allowed.

        Returns
        -------
        ndarray of int64
            The distinct elements, sorted.

        Raises
        ------
        InvalidInput
            If a value is not an integer from 0 to |G|−1.
        """
        given = np.asarray(elements)
        if given.size and not np.issubdtype(given.dtype, np.integer):
            raise InvalidInput(
                f"elements of group {self.name} must be given by their numbers, not by {given.dtype} values"
            )
        chosen = np.unique(given.astype(np.int64))
        if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < self.order:
            outside = chosen[(chosen < 0) | (chosen >= self.order)][0]
            raise InvalidInput(f"group {self.name} has elements 0 to {self.order - 1}; {outside} is not one of them")
        return chosen

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the table, as 64 hexadecimal digits: the same for equal tables on every machine."""
        return hashlib.sha256(np.ascontiguousarray(self.table, dtype="<i8").tobytes()).hexdigest()

    def __len__(self) -> int:
        return self.order

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FiniteGroup) and np.array_equal(self.table, other.table)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"FiniteGroup({self.name}, order={self.order})"


def _square_table(name: str, values: ArrayLike) -> Elements:
    given = np.asarray(values)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or given.size == 0:
        raise InvalidInput(f"table {name} has shape {given.shape}; a Cayley table is a square matrix of integers")
    if len(given) > MAX_ORDER:
        raise InvalidInput(f"table {name} has {len(given)} elements; groups up to order {MAX_ORDER} are supported")
    if not np.issubdtype(given.dtype, np.integer):
        raise InvalidInput(f"table {name} holds {given.dtype} entries; a Cayley table is a square matrix of integers")
    return given.astype(np.int64, order="C")


def _failing_axiom(table: Elements) -> str | None:
    """One sentence on the first axiom that fails and where, or None for a group."""
    order = len(table)
    everything = np.arange(order)
    outside = np.argwhere((table < 0) | (table >= order))
    if len(outside):
        a, b = outside[0]
        return f"closure fails: {a}·{b} = {table[a, b]} is not one of the elements 0 to {order - 1}"
    identity = _identity(table)
    if identity is None:
        best = int(np.argmax((table == everything).sum(axis=1)))
        a = int(np.argmax((table[best] != everything) | (table[:, best] != everything)))
        x, y = (best, a) if table[best, a] != a else (a, best)
        return f"no identity: element {best} comes closest, but {x}·{y} = {table[x, y]}"
    for g in _magma_generators(table):
        left, right = table[table[:, g]], table[:, table[g]]  # (x·g)·y and x·(g·y)
        wrong = np.argwhere(left != right)
        if len(wrong):
            x, y = wrong[0]
            return f"associativity fails: ({x}·{g})·{y} = {left[x, y]}, but {x}·({g}·{y}) = {right[x, y]}"
    lacking = np.flatnonzero(~np.any(table == identity, axis=1))
    if len(lacking):
        return f"inverses fail: no element b has {lacking[0]}·b = {identity}, the identity"
    return None


def _identity(table: Elements) -> int | None:
    everything = np.arange(len(table))
    neutral = np.all(table == everything, axis=1) & np.all(everything == table.T, axis=1)
    return int(np.argmax(neutral)) if neutral.any() else None


def _magma_generators(table: Elements) -> list[int]:
    """Elements whose products, in any bracketing, give everything; nothing but closure is assumed."""
    found: list[int] = []
    reached = np.zeros(len(table), dtype=bool)
    while not reached.all():
        found.append(int(np.argmin(reached)))
        reached = _closure(table, found)
    return found


def _closure(table: Elements, start: list[int]) -> NDArray[np.bool_]:
    """The mask of everything reached from `start` by products."""
    reached = np.zeros(len(table), dtype=bool)
    reached[start] = True
    while True:
        members = np.flatnonzero(reached)
        reached[table[np.ix_(members, members)]] = True
        if reached.sum() == len(members):
            return reached
