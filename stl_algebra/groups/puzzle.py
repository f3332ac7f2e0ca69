"""Uniquely solvable puzzles and the simultaneous triples they give in powers of cyclic groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.groups.cyclic import cyclic
from stl_algebra.groups.direct_product import direct_product
from stl_algebra.groups.group import FiniteGroup
from stl_algebra.groups.triple_product import Triple

Row = tuple[int, ...]

#: In some column of any three rows, not all equal, the three symbols must read like one of these.
_WITNESSES = frozenset({(1, 2, 1), (1, 2, 2), (1, 1, 3), (1, 3, 3), (2, 2, 3), (3, 2, 3)})


def is_local_strong_puzzle(rows: Sequence[Row]) -> bool:
    """Tell whether rows of symbols 1, 2, 3 form a local strong uniquely solvable puzzle.

    They do if for every ordered triple of rows (u, v, w), not all equal, some column reads (1,2,1), (1,2,2), (1,1,3),
    (1,3,3), (2,2,3) or (3,2,3).

    Parameters
    ----------
    rows : sequence of tuple of int
        The rows, all of one width k.

    Returns
    -------
    bool
        True if the rows form such a puzzle.

    Raises
    ------
    InvalidInput
        If the rows differ in width, repeat, or hold other symbols.

    References
    ----------
    .. [1] Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §6.

    Examples
    --------
    >>> is_local_strong_puzzle([(1, 2, 3), (3, 1, 2)])
    True
    """
    rows = _checked_rows(rows)
    return all(
        any(column in _WITNESSES for column in zip(u, v, w, strict=True))
        for u, v, w in product(rows, repeat=3)
        if not u == v == w
    )


def puzzle_triples(rows: Sequence[Row], m: int) -> tuple[FiniteGroup, list[Triple]]:
    """Build the group C_mᵏ and one triple (A, B, C) of subsets for each row of a puzzle of width k.

    A local strong puzzle gives the simultaneous triple product property.

    Parameters
    ----------
    rows : sequence of tuple of int
        The rows of a local strong uniquely solvable puzzle, symbols 1, 2 and 3.
    m : int
        The order of the cyclic factors, at least 2.

    Returns
    -------
    group : FiniteGroup
        The group C_mᵏ.
    triples : list of tuples of three ndarray of int64
        The triples (A, B, C). A holds the vectors whose nonzero entries stand exactly in the columns of symbol 1, B of
        2 and C of 3. Each size is m − 1 to the power of the number of columns.

    Raises
    ------
    InvalidInput
        If the rows are not such a puzzle, or m is less than 2.

    References
    ----------
    .. [1] Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, Theorem 6.6.

    Examples
    --------
    >>> group, triples = puzzle_triples([(1, 2, 3), (3, 1, 2)], 3)
    >>> group.name, [len(part) for part in triples[0]]
    ('C3^3', [2, 2, 2])
    """
    rows = _checked_rows(rows)
    if m < 2:
        raise InvalidInput(f"C{m} has no nonzero elements; give m of at least 2")
    if not is_local_strong_puzzle(rows):
        raise InvalidInput(f"these {len(rows)} rows are not a local strong uniquely solvable puzzle")
    width = len(rows[0])
    group = direct_product(*[cyclic(m)] * width, name=f"C{m}^{width}" if width > 1 else f"C{m}")
    nonzero = np.indices((m,) * width).reshape(width, -1).T > 0
    triples: list[Triple] = []
    for row in rows:
        a, b, c = (np.flatnonzero((nonzero == (np.array(row) == symbol)).all(axis=1)) for symbol in (1, 2, 3))
        triples.append((a, b, c))
    return group, triples


def _checked_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows as tuples; InvalidInput if they do not form a puzzle."""
    found = [tuple(int(symbol) for symbol in row) for row in rows]
    if not found or len({len(row) for row in found}) > 1 or not set().union(*found) <= {1, 2, 3} or not found[0]:
        raise InvalidInput("a puzzle needs rows of one width, with symbols 1, 2 and 3 only")
    if len(set(found)) < len(found):
        raise InvalidInput("the rows of a puzzle must be distinct")
    return found
