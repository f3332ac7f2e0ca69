"""The invariant encoders an orbit search keeps, by their structure: a group and its orbits of each type."""

from __future__ import annotations

import numpy as np

from search.exact.exact_seeds import exact_seed
from search.problem import Problem
from search.symmetric.invariant_form import InvariantForm, Structure, forms_of
from stl_algebra import TileEncoder

#: Encoders kept for each structure: variety is worth more than a few more of the best.
CAPACITY = 8
#: A structure whose best is behind by this much is drawn e times less often.
TEMPERATURE = 0.02
#: A start is worth minimising below this times the best error, plus this.
WORTH = 1.3, 0.02

Member = tuple[TileEncoder, InvariantForm]


class OrbitPopulation:
    """Members by structure, best first, from the construction and the known encoders; new ones are added.

    An encoder is a member under every group that leaves it invariant, so a search can go on with less symmetry.

    >>> from stl_algebra import Format
    >>> [s.group for s in OrbitPopulation(Problem(Format(2, 2, 2), 6)).members]
    ['Z3', 'Z3xflip']
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.members: dict[Structure, list[Member]] = {}
        for encoder in (exact_seed(problem.format), *problem.known):
            self.add(encoder, forms_of(encoder))

    def add(self, encoder: TileEncoder, forms: list[InvariantForm]) -> None:
        """Keep a member among the best of its structures, unless one of the same cost is there."""
        cost = self._problem.cost
        for form in forms:
            same = self.members.setdefault(form.structure, [])
            if all(abs(cost(encoder) - cost(other)) > 1e-5 for other, _ in same):
                same.append((encoder, form))
                same.sort(key=lambda member: cost(member[0]))
                del same[CAPACITY:]

    def of_rank(self, rank: int) -> list[Structure]:
        """The structures of a rank that have members."""
        return [structure for structure in self.members if structure.rank == rank]

    def best_of_rank(self, rank: int, number: int) -> list[Member]:
        """The best members of the structures of a rank, each encoder once, the very best last."""
        best = {member[0].digest: member for s in self.of_rank(rank) for member in self.members[s]}
        return sorted(best.values(), key=lambda member: self._problem.cost(member[0]))[:number][::-1]

    def worth(self) -> float:
        """The error from which on a start of the problem's rank, minimised a little, is given up."""
        best = (self._problem.cost(self.members[structure][0][0]) for structure in self.of_rank(self._problem.rank))
        return WORTH[0] * min(best, default=np.inf) + WORTH[1]

    def draw_structure(self, structures: list[Structure], rng: np.random.Generator) -> Structure:
        """One of some structures with members; behind the best of its own rank, it is drawn less often."""
        costs = [self._problem.cost(self.members[s][0][0]) for s in structures]
        best: dict[int, float] = {}
        for structure, cost in zip(structures, costs, strict=True):
            best[structure.rank] = min(cost, best.get(structure.rank, np.inf))
        behind = np.array([cost - best[s.rank] for s, cost in zip(structures, costs, strict=True)])
        weight = np.exp(-behind / TEMPERATURE)
        return structures[int(rng.choice(len(structures), p=weight / weight.sum()))]

    def draw(self, structure: Structure, rng: np.random.Generator) -> Member:
        """A member of a structure, the better the likelier."""
        members = self.members[structure]
        return members[min(int(rng.exponential(2.0)), len(members) - 1)]
