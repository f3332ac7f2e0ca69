"""The encoders a search knows, by rank, for its next slices to start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from search.local.similarity import with_added
from search.problem import Problem
from search.symmetric.invariant_form import Structure, largest_form
from stl_algebra import TileEncoder

#: Encoders kept per niche: a rank, and the structure of an invariant encoder or none. Niches keep variety alive.
CAPACITY = 12
#: To a worker go encoders of ranks up to this far away from the best of so many niches, exact ones of every rank,
NEIGHBOURHOOD, NICHES = 3, 12
#: and from further away, as far as an orbit is long, the best encoder of so many niches with symmetry,
ORBIT_LENGTH, SYMMETRIC_NICHES = 9, 3
#: the best one of every higher rank, where descents start, and so many of every lower rank, which are added up.
HIGHER, LOWER = 1, 3

Niche = tuple[int, Structure | None]


class Pool:
    """The best encoders of every niche of one format, at one precision; lookalikes are kept once.

    >>> from stl_algebra import strassen
    >>> pool = Pool(Problem(strassen().format, 7), [strassen()])
    >>> len(pool.near(6)), pool.add(strassen())
    (1, False)
    """

    def __init__(self, problem: Problem, known: Iterable[TileEncoder] = ()) -> None:
        self._problem = problem
        self._niches: dict[Niche, list[TileEncoder]] = {}
        for encoder in known:
            self.add(encoder)

    def __iter__(self) -> Iterator[TileEncoder]:
        return (encoder for same in self._niches.values() for encoder in same)

    def add(self, encoder: TileEncoder) -> bool:
        """Take an encoder in; False where one that is alike and no worse is there, or it is not among the best."""
        form = largest_form(encoder)
        niche = (encoder.rank, form.structure if form else None)
        before = self._niches.get(niche, [])
        self._niches[niche] = with_added(self._problem, before, encoder, CAPACITY)
        return self._niches[niche] != before

    def of_rank(self, rank: int) -> list[TileEncoder]:
        """All encoders of a rank, the best first."""
        return sorted((encoder for encoder in self if encoder.rank == rank), key=self._problem.cost)

    def near(self, rank: int) -> tuple[TileEncoder, ...]:
        """What a worker searching at this rank is given."""
        best_first = sorted(self._niches.items(), key=lambda item: self._problem.cost(item[1][0]))
        taken: dict[int, int] = {}
        chosen = []
        for (other, structure), encoders in best_first:
            distance = abs(other - rank)
            number = taken.get(other, 0)
            if distance <= NEIGHBOURHOOD and number < NICHES:
                chosen += encoders
            elif distance <= ORBIT_LENGTH and structure is not None and number < SYMMETRIC_NICHES:
                chosen.append(encoders[0])
            else:
                wanted = HIGHER if other > rank else LOWER
                first = encoders[: max(wanted - number, 0)]
                chosen += first + [encoder for encoder in encoders[len(first) :] if encoder.exact]
                taken[other] = number + len(first)
                continue
            taken[other] = number + 1
        return tuple(chosen)
