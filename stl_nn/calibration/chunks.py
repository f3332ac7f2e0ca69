"""Groups of layers taken so many at a time that what they need fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


def chunked(groups: Sequence[list[str]], size_of: Callable[[str], int], limit: int) -> Iterator[list[list[str]]]:
    """Consecutive groups whose sizes, of one layer each, stay within a limit together; one alone may exceed it.

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
