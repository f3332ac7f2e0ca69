"""The encoders a search knows, by rank, for its next slices to start from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from search.invariant_form import Structure, largest_form
from search.strategy import Problem
from stl_algebra import TileEncoder

#: Encoders kept per niche: a rank, and the structure of an invariant encoder or none. Niches keep variety alive.
CAPACITY = 12
#: Encoders of one niche whose costs differ by less than this, relatively, count as the same.
LIKENESS = 1e-3
#: To a worker go encoders of ranks up to this far away from the best of so many niches, exact ones of every rank,
NEIGHBOURHOOD, NICHES = 3, 12
#: and from further away, as far as an orbit is long, the best encoder of so many niches with symmetry,
#: and the best one of every higher rank.
ORBIT_LENGTH, SYMMETRIC_NICHES = 9, 3

Niche = tuple[int, Structure | None]


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

    def __iter__(self) -> Iterator[TileEncoder]:
        return (encoder for same in self._niches.values() for encoder in same)

    def add(self, encoder: TileEncoder) -> bool:
        """Take an encoder in; False where one of nearly its cost, no worse, is there or it is not among the best."""
        form = largest_form(encoder)
        same = self._niches.setdefault((encoder.rank, form.structure if form else None), [])
        cost = self._cost(encoder)
        alike = [other for other in same if abs(self._cost(other) - cost) < 1e-6 + LIKENESS * abs(cost)]
        if any(self._cost(other) <= cost + 1e-9 for other in alike):
            return False
        same[:] = [other for other in same if all(other is not a for a in alike)]
        same.append(encoder)
        same.sort(key=self._cost)
        del same[CAPACITY:]
        return encoder in same

    def near(self, rank: int) -> tuple[TileEncoder, ...]:
        """What a worker searching at this rank is given."""
        best_first = sorted(self._niches.items(), key=lambda item: self._cost(item[1][0]))
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
                # Descents start at every higher rank.
                first = encoders[: other > rank and number == 0]
                chosen += first + [encoder for encoder in encoders[len(first) :] if encoder.exact]
                if not first:
                    continue
            taken[other] = number + 1
        return tuple(chosen)
