"""Search among encoders invariant under a group: the unknowns are representatives of the orbits of products."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from search.finish import descending, finish, small_enough, solve_in_stages
from search.invariant_form import InvariantForm, Structure, random_form
from search.invariant_model import InvariantModel
from search.orbit_groups import orbit_groups, types_of
from search.orbit_moves import drop_orbit, neighbours, random_structure, replace_orbits, shake, towards
from search.orbit_population import OrbitPopulation
from search.strategy import Candidate, Improving, Problem, Stop

#: How often a trial starts at random, descends from an exact encoder, and stays within a structure; else it
#: goes from one structure to another.
RANDOM, DESCEND, STAY = 0.35, 0.15, 0.3
#: So many of the best known invariant encoders of the rank are first minimised as they are: they may have been made
#: for another precision.
POLISHED = 2
#: Iterations before a trial is compared with the best, to see whether it is worth minimising further.
SHORT = 60
#: While a rank has members of fewer structures than this, half of the trials start at random.
FEW = 6


class OrbitSearch:
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

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        population = OrbitPopulation(problem)
        unpolished = population.best_of_rank(problem.rank, POLISHED)
        trial = 0
        while not stop():
            trial += 1
            if unpolished:
                encoder, start = unpolished.pop()
                parents: tuple[str, ...] = (encoder.digest,)
                move, emphases = "polish", descending(problem, encoder)
            else:
                start, parents, move = _start(problem, population, rng, stop)
                emphases = (1e3, 30.0) if not parents else (30.0,) if rng.random() < 0.5 else (1.0,)
            structure = start.structure
            if structure.rank != problem.rank:  # stopped on the way down
                break
            model = partial(InvariantModel, space=structure.space)
            point = solve_in_stages(model, problem, start.point, stop, emphases=emphases, iterations=SHORT)
            if problem.objective().error(structure.space.factors(point[0])) < population.worth():
                point = solve_in_stages(model, problem, point, stop, emphases=(1.0,))
            details = {"trial": trial, "structure": str(structure), "move": move}
            for candidate in finish(problem, structure.space.factors(point[0]), rng, stop, parents, details):
                if "rounded" not in candidate.details:
                    population.add(candidate.encoder, [InvariantForm.from_point(structure, point)])
                yield from improving.offer(candidate)
            stop.count_trial()


def _start(
    problem: Problem, population: OrbitPopulation, rng: np.random.Generator, stop: Stop
) -> tuple[InvariantForm, tuple[str, ...], str]:
    """Where a trial starts, the digests of what it was made from, and how in words."""
    here = population.of_rank(problem.rank)
    choice = rng.random()
    if choice < (RANDOM if len(here) >= FEW else 0.5):
        return random_form(_random_structure(problem, rng), rng), (), "random"
    above = [s for s in population.members if s.rank > problem.rank and population.members[s][0][0].exact]
    if above and choice < 1 - STAY and (not here or rng.random() < DESCEND / (1 - RANDOM - STAY)):
        encoder, form = population.draw(above[int(rng.integers(len(above)))], rng)
        form = _descend(problem, form, rng, stop)
        if form.structure.rank == problem.rank:
            return form, (encoder.digest,), "drop orbits"
    if here and choice > 1 - STAY:
        encoder, form = population.draw(population.draw_structure(here, rng), rng)
        if rng.random() < 0.3:
            return shake(form, rng), (encoder.digest,), "shake"
        return replace_orbits(form, rng), (encoder.digest,), "replace orbits"
    source = population.draw_structure(list(population.members), rng) if population.members else None
    reached = list(neighbours(source, problem.rank)) if source else []
    if source is None or not reached:
        return random_form(_random_structure(problem, rng), rng), (), "random"
    encoder, form = population.draw(source, rng)
    moved = towards(form, reached[int(rng.integers(len(reached)))], rng)
    # A little noise leaves the saddle points that a structured move can land on.
    return (moved if rng.random() < 0.5 else shake(moved, rng)), (encoder.digest,), "exchange orbits"


def _random_structure(problem: Problem, rng: np.random.Generator) -> Structure:
    """Of any of the groups, the larger the likelier: a trial costs by the cube of the number of orbits."""
    groups = orbit_groups(problem.format)
    orders = np.array([len(group) ** 3 for group in groups.values()])
    for _ in range(20):
        name = list(groups)[int(rng.choice(len(groups), p=orders / orders.sum()))]
        none = Structure(problem.format, name, (0,) * len(types_of(problem.format, name)))
        found = random_structure(none, problem.rank, rng)
        if found is not None:
            return found
    raise AssertionError(f"no structure of rank {problem.rank} was drawn")


def _descend(problem: Problem, form: InvariantForm, rng: np.random.Generator, stop: Stop) -> InvariantForm:
    """Drop orbits one after another, with a short refit after each but the last, as far as orbits are short enough."""
    while (excess := form.structure.rank - problem.rank) > 0 and not stop():
        smaller = drop_orbit(form, excess, rng)
        if smaller is form:
            break
        form = smaller
        if form.structure.rank > problem.rank:
            model = partial(InvariantModel, space=form.structure.space)
            point = solve_in_stages(model, problem, form.point, stop, emphases=(1.0,), iterations=25)
            form = InvariantForm.from_point(form.structure, point)
    return form
