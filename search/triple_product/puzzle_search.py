"""The largest local strong uniquely solvable puzzles of a width."""

from __future__ import annotations

from itertools import permutations, product

from stl_algebra import InvalidInput
from stl_algebra.groups import is_local_strong_puzzle

Row = tuple[int, ...]

#: Wider puzzles are refused: there are 3ᵏ rows to choose from.
MAX_WIDTH = 5


def largest_local_strong_puzzle(width: int) -> tuple[Row, ...]:
    """A largest local strong uniquely solvable puzzle of a width, proved so by depth-first search, rows sorted.

    Rows are added in lexicographic order; two rows that are no puzzle together are never joined. Raises
    InvalidInput for widths outside 1 … 5.

    >>> largest_local_strong_puzzle(3)
    ((2, 3, 1), (3, 1, 2))

    Source: Cohn, Kleinberg, Szegedy, Umans, Group-theoretic algorithms for matrix multiplication, 2005, §6.
    """
    if not 1 <= width <= MAX_WIDTH:
        raise InvalidInput(f"puzzles are searched up to width {MAX_WIDTH}, not {width}")
    rows = list(product((1, 2, 3), repeat=width))
    compatible = {u: {v for v in rows if u != v and is_local_strong_puzzle([u, v])} for u in rows}
    best: tuple[Row, ...] = (rows[0],)
    stack: list[tuple[tuple[Row, ...], list[Row]]] = [((), rows)]
    while stack:
        chosen, candidates = stack.pop()
        if len(chosen) > len(best):
            best = chosen
        for place, row in enumerate(candidates):
            rest = [other for other in candidates[place + 1 :] if other in compatible[row]]
            if len(chosen) + 1 + len(rest) > len(best) and all(_fits(row, u, v) for u, v in permutations(chosen, 2)):
                stack.append(((*chosen, row), rest))
    return best


def _fits(row: Row, u: Row, v: Row) -> bool:
    return is_local_strong_puzzle([row, u, v])
