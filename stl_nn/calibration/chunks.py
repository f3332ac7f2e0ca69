"""Groups of layers taken as many at a time as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def chunked(groups: Sequence[list[str]], size_of: Callable[[str], int], limit: int) -> Iterator[list[list[str]]]:
    """Consecutive groups, taken together as far as their sizes stay within a limit; one alone may exceed it.

    Parameters
    ----------
    groups : sequence of list of str
        Names of layers; those of one group share what is held.
    size_of : callable
        The size of what is held for a layer.
    limit : int
        The largest size of all groups taken together.

    Yields
    ------
    list of list of str
        Groups that fit together.

    Examples
    --------
    >>> list(chunked([["a"], ["b"], ["c"]], lambda name: 2, 4))
    [[['a'], ['b']], [['c']]]
    """
    held: list[list[str]] = []
    total = 0
    for group in groups:
        size = size_of(group[0])
        if held and total + size > limit:
            yield held
            held, total = [], 0
        held.append(group)
        total += size
    if held:
        yield held
