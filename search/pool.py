"""The encoders a search knows, by rank, for its next slices to start from."""

from __future__ import annotations

from collections.abc import Iterable

from search.cyclic_form import CyclicForm
from search.strategy import Problem
from stl_algebra import TileEncoder

#: Encoders kept per niche: a rank, and the split of a Z3-invariant encoder or none. Niches keep variety alive.
CAPACITY = 6
#: Encoders of ranks up to this far away are sent to a worker, exact ones of every rank.
NEIGHBOURHOOD = 3

Niche = tuple[int, tuple[int, int] | None]


class Pool:
    """The best encoders of every niche of one format, at one precision; lookalikes are kept once.

    >>> from stl_algebra import strassen
    >>> pool = Pool(Problem(strassen().format, 7), [strassen()])
    >>> len(pool.near(6)), pool.add(strassen())
    (1, False)
    """

    def __init__(self, problem: Problem, known: Iterable[TileEncoder] = ()) -> None:
        self._cost = problem.cost
        self._niches: dict[Niche, list[TileEncoder]] = {}
        for encoder in known:
            self.add(encoder)

    def add(self, encoder: TileEncoder) -> bool:
        """Take an encoder in; False where one of the same cost is there or it is not among the best."""
        form = CyclicForm.of(encoder)
        same = self._niches.setdefault((encoder.rank, form.counts if form else None), [])
        if any(abs(self._cost(other) - self._cost(encoder)) < 1e-6 for other in same):
            return False
        same.append(encoder)
        same.sort(key=self._cost)
        del same[CAPACITY:]
        return encoder in same

    def near(self, rank: int) -> tuple[TileEncoder, ...]:
        """What a worker searching at this rank is given."""
        return tuple(
            encoder
            for (other, _), encoders in self._niches.items()
            for encoder in encoders
            if encoder.exact or abs(other - rank) <= NEIGHBOURHOOD
        )
