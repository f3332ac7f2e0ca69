"""The Z3-invariant encoders an orbit search keeps, by their split into fixed products and cyclic triples."""

from __future__ import annotations

import numpy as np

from search.cyclic_form import CyclicForm
from search.exact_seeds import exact_seed
from search.strategy import Problem
from stl_algebra import TileEncoder

#: Encoders kept for each split: variety is worth more than a few more of the best.
CAPACITY = 8
#: Splits with more fixed products than this are not tried.
MOST_FIXED = 17
#: A split whose best is behind by this much is drawn e times less often.
TEMPERATURE = 0.02

Split = tuple[int, int]
Member = tuple[TileEncoder, CyclicForm]


class OrbitPopulation:
    """Members by split (f, t), best first, from the construction and the known encoders; new ones are added.

    >>> from stl_algebra import Format
    >>> sorted(OrbitPopulation(Problem(Format(2, 2, 2), 6)).members)
    [(1, 2)]
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.members: dict[Split, list[Member]] = {}
        for encoder in (exact_seed(problem.format), *problem.known):
            form = CyclicForm.of(encoder)
            if form is not None:
                self.add(encoder, form)

    def add(self, encoder: TileEncoder, form: CyclicForm) -> None:
        """Keep a member among the best of its split, unless one of the same cost is there."""
        cost = self._problem.cost
        same = self.members.setdefault(form.counts, [])
        if all(abs(cost(encoder) - cost(other)) > 1e-5 for other, _ in same):
            same.append((encoder, form))
            same.sort(key=lambda member: cost(member[0]))
            del same[CAPACITY:]

    def target(self, rng: np.random.Generator) -> Split:
        """The split of the problem's rank to work on: first what dropping orbits reaches, then good or untried ones."""
        rank = self._problem.rank
        splits = [(f, (rank - f) // 3) for f in range(rank % 3, min(rank, MOST_FIXED) + 1, 3)]
        costs = {s: self._problem.cost(self.members[s][0][0]) for s in splits if s in self.members}
        if not costs:
            reached = [s for s in splits if self.above(s)]
            return (reached or splits)[int(rng.integers(len(reached or splits)))]
        best = min(costs.values())
        # One that was never tried counts as not far behind.
        behind = np.array([costs.get(s, best + 2 * TEMPERATURE) - best for s in splits])
        weight = np.exp(-behind / TEMPERATURE)
        return splits[int(rng.choice(len(splits), p=weight / weight.sum()))]

    def above(self, split: Split) -> list[Split]:
        """The splits with members from which dropping orbits leads to this one, the nearest first."""
        higher = [s for s in self.members if s != split and s[0] >= split[0] and s[1] >= split[1]]
        return sorted(higher, key=lambda s: s[0] + 3 * s[1])

    def draw(self, split: Split, rng: np.random.Generator) -> Member:
        """A member of a split, the better the likelier."""
        members = self.members[split]
        return members[min(int(rng.exponential(2.0)), len(members) - 1)]
