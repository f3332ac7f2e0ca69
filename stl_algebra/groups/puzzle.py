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
    """Whether rows of symbols 1, 2, 3 form a local strong uniquely solvable puzzle.

    For every ordered triple of rows (u, v, w), not all equal, some column reads (1,2,1), (1,2,2), (1,1,3),
    (1,3,3), (2,2,3) or (3,2,3). Raises InvalidInput for rows of different widths or other symbols.

    >>> is_local_strong_puzzle([(1, 2, 3), (3, 1, 2)])
    True

    Source: Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §6.
    """
    rows = checked_rows(rows)
    return all(
        any(column in _WITNESSES for column in zip(u, v, w, strict=True))
        for u, v, w in product(rows, repeat=3)
        if not u == v == w
    )


def puzzle_triples(rows: Sequence[Row], m: int) -> tuple[FiniteGroup, list[Triple]]:
    """C_mᵏ and one triple (A, B, C) for each row of a puzzle of width k, m ≥ 2.

    A holds the vectors whose nonzero entries stand exactly in the columns of symbol 1, B of 2 and C of 3, so
    that sizes are (m−1) to the number of columns. A local strong puzzle gives the simultaneous triple
    product property. Raises InvalidInput where the rows are no such puzzle.

    >>> group, triples = puzzle_triples([(1, 2, 3), (3, 1, 2)], 3)
    >>> group.name, [len(part) for part in triples[0]]
    ('C3^3', [2, 2, 2])

    Source: Cohn, Kleinberg, Szegedy, Umans, 2005, Theorem 6.6.
    """
    rows = checked_rows(rows)
    if m < 2:
        raise InvalidInput(f"C{m} has no elements but zero; give m from 2 on")
    if not is_local_strong_puzzle(rows):
        raise InvalidInput(f"these {len(rows)} rows are no local strong uniquely solvable puzzle")
    width = len(rows[0])
    group = direct_product(*[cyclic(m)] * width, name=f"C{m}^{width}" if width > 1 else f"C{m}")
    nonzero = np.indices((m,) * width).reshape(width, -1).T > 0
    triples: list[Triple] = []
    for row in rows:
        a, b, c = (np.flatnonzero((nonzero == (np.array(row) == symbol)).all(axis=1)) for symbol in (1, 2, 3))
        triples.append((a, b, c))
    return group, triples


def checked_rows(rows: Sequence[Row]) -> list[Row]:
    """The distinct rows of a puzzle as tuples. Raises InvalidInput for what is no puzzle at all."""
    found = [tuple(int(symbol) for symbol in row) for row in rows]
    if not found or len({len(row) for row in found}) > 1 or not set().union(*found) <= {1, 2, 3} or not found[0]:
        raise InvalidInput("a puzzle is a list of rows of one width, each of symbols 1, 2 and 3")
    if len(set(found)) < len(found):
        raise InvalidInput("a puzzle has distinct rows")
    return found
