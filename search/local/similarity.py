"""Which encoders count as the same, and the best few of which none do."""

from __future__ import annotations

from collections.abc import Sequence

from search.problem import Problem
from stl_algebra import TileEncoder

#: Encoders of one rank count as the same whose costs differ by less than this, relatively,
COST = 1e-3
#: and whose growths by less than this factor: at low ranks families that have hardly anything in common come to costs
#: as near as that, one with a growth of 50 and another of 1000.
GROWTH = 1.25


def similar(problem: Problem, one: TileEncoder, other: TileEncoder) -> bool:
    """Return whether two encoders are nearly the same: of the same family, minimised more or less far.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    one : TileEncoder
        An encoder.
    other : TileEncoder
        Another of the same rank.

    Returns
    -------
    bool
        Whether costs and growths differ by little.

    Examples
    --------
    >>> from stl_algebra import Format, strassen, classical
    >>> problem = Problem(Format(2, 2, 2), 7)
    >>> similar(problem, strassen(), strassen()), similar(problem, strassen(), classical(Format(2, 2, 2)))
    (True, False)
    """
    costs = problem.cost(one), problem.cost(other)
    growths = sorted((one.growth, other.growth))
    return abs(costs[0] - costs[1]) < 1e-6 + COST * abs(costs[1]) and growths[1] <= GROWTH * growths[0]


def with_added(
    problem: Problem, encoders: Sequence[TileEncoder], encoder: TileEncoder, capacity: int
) -> list[TileEncoder]:
    """Return the best of some encoders and one more; of those that are similar, only the best is kept.

    Parameters
    ----------
    problem : Problem
        What is searched for.
    encoders : Sequence[TileEncoder]
        Encoders of one rank, no two of them similar.
    encoder : TileEncoder
        The one to add.
    capacity : int
        How many are kept.

    Returns
    -------
    list[TileEncoder]
        The encoders, best first.
    """
    same = [other for other in encoders if similar(problem, other, encoder)]
    if any(problem.cost(other) <= problem.cost(encoder) + 1e-9 for other in same):
        return list(encoders)
    others = [other for other in encoders if all(other is not one for one in same)]
    return sorted([*others, encoder], key=problem.cost)[:capacity]
