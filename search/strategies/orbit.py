"""Search among encoders invariant under a group: the unknowns are representatives of the orbits of products."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.local.refinement import small_enough
from search.problem import Problem
from search.stop import Stop
from search.strategies.invariant_trial import invariant_trial
from search.strategy import Explorer, Strategy
from search.symmetric.invariant_form import InvariantForm, Structure
from search.symmetric.orbit_groups import orbit_groups, types_of
from search.symmetric.orbit_moves import neighbours, random_structure
from search.symmetric.orbit_population import OrbitPopulation
from search.trial import Candidate, Trial
from stl_algebra import TileEncoder

#: How often a trial starts at random, descends from an exact encoder, and stays within a structure; else it
#: goes from one structure to another.
RANDOM, DESCEND, STAY = 0.35, 0.15, 0.3
#: So many of the best known invariant encoders of the rank are first minimised as they are: they may have been made
#: for another precision.
POLISHED = 2
#: While a rank has members of fewer structures than this, half of the trials start at random.
FEW = 6


class OrbitSearch(Strategy):
    """Moves in the spaces of encoders invariant under a group Γ.

    For cubes Γ is the rotation Z3, or its product with a change of basis (a cycle of three coordinates, or a flip);
    for other formats a change of basis alone, or a transposition.

    A trial starts at random, or from an exact encoder with orbits dropped one after another, or from a known
    invariant encoder of the same or another structure with orbits replaced, removed, added or shaken, and
    minimises, half of the time with the growth held down at first; what is then far behind is given up. The best
    of every structure stay in a population, under every group that leaves them invariant.
    """

    name = "orbit"

    def applies(self, problem: Problem) -> bool:
        groups = orbit_groups(problem.format)
        return bool(groups) and problem.weights is None and small_enough(problem, min(map(len, groups.values())))

    def explorer(self, problem: Problem) -> Explorer:
        return _Moves(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        return invariant_trial(trial, rng, stop)


class _Moves(Explorer):
    """Draws a move, and the encoder and group that it starts from; at random, the group and how many orbits."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._population = OrbitPopulation(problem)
        self._unpolished = self._population.best_of_rank(problem.rank, POLISHED)

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self._unpolished:
            yield self._trial("polish", *self._unpolished.pop())
        elif (drawn := self._drawn(rng)) is not None:
            yield drawn
        else:
            yield from self._random(rng)

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        if "rounded" not in candidate.details:
            form = InvariantForm.of(candidate.encoder, trial.options["group"])
            self._population.add(candidate.encoder, [] if form is None else [form])

    def _drawn(self, rng: np.random.Generator) -> Trial | None:
        """A trial from a member; None where the next ones are to start at random."""
        population, rank = self._population, self._problem.rank
        here = population.of_rank(rank)
        choice = rng.random()
        if choice < (RANDOM if len(here) >= FEW else 0.5):
            return None
        above = [s for s in population.members if s.rank > rank and population.members[s][0][0].exact]
        if above and choice < 1 - STAY and (not here or rng.random() < DESCEND / (1 - RANDOM - STAY)):
            return self._trial("drop orbits", *population.draw(above[int(rng.integers(len(above)))], rng))
        if here and choice > 1 - STAY:
            member = population.draw(population.draw_structure(here, rng), rng)
            return self._trial("shake" if rng.random() < 0.3 else "replace orbits", *member)
        source = population.draw_structure(list(population.members), rng) if population.members else None
        if source is None or next(neighbours(source, rank), None) is None:
            return None
        return self._trial("exchange orbits", *population.draw(source, rng))

    def _trial(self, move: str, encoder: TileEncoder, form: InvariantForm) -> Trial:
        options = {"group": form.structure.group, "worth": self._worth()}
        return Trial(OrbitSearch.name, self._problem, move, (encoder,), options)

    def _random(self, rng: np.random.Generator) -> Iterator[Trial]:
        """Starts under one group, as many as take about the time of one under the smallest group."""
        groups = orbit_groups(self._problem.format)
        fitting = [s for name in groups if (s := _random_structure(self._problem, name, rng)) is not None]
        assert fitting, f"no group has encoders of rank {self._problem.rank}"
        orders = np.array([len(groups[structure.group]) for structure in fitting])
        chosen = int(rng.choice(len(fitting), p=orders**2 / np.sum(orders**2)))
        group = fitting[chosen].group
        for _ in range(round((orders[chosen] / orders.min()) ** 2)):
            counts = (_random_structure(self._problem, group, rng) or fitting[chosen]).counts
            options = {"group": group, "counts": list(counts), "worth": self._worth()}
            yield Trial(OrbitSearch.name, self._problem, "random", (), options)

    def _worth(self) -> float | None:
        worth = self._population.worth()
        return worth if np.isfinite(worth) else None


def _random_structure(problem: Problem, group: str, rng: np.random.Generator) -> Structure | None:
    """One of the problem's rank, None where there is none."""
    none = Structure(problem.format, group, (0,) * len(types_of(problem.format, group)))
    return random_structure(none, problem.rank, rng)
