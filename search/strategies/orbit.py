"""Search among Z3-invariant encoders: the unknowns are orbit representatives, a third as many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from search.cyclic_form import CyclicForm
from search.cyclic_model import CyclicModel
from search.finish import finish, solve_in_stages
from search.orbit_moves import MOVES, drop_fixed, drop_triple, random_form, shake
from search.orbit_population import OrbitPopulation, Split
from search.strategy import Candidate, Improving, Problem, Stop

#: How often a trial starts at random although there is something to start from.
RANDOM_STARTS = 0.02
#: How often a trial descends from an exact encoder where one lies above its split.
DESCENTS = 0.4


class OrbitSearch:
    """Moves in the space of Z3-invariant encoders of a cube: f products a⊗a⊗a and t cyclic triples, r = f + 3t.

    A trial chooses a split (f, t) of the rank, goes there from a known invariant encoder of the same or a
    neighbouring split by one move (orbits dropped, added, split, joined, replaced or shaken) and minimises,
    half of the time with the growth held down at first. The best of every split stay in a population.
    """

    name = "orbit"

    def applies(self, problem: Problem) -> bool:
        return problem.format.is_cube and problem.format.n > 1 and problem.weights is None

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        population = OrbitPopulation(problem)
        trial = 0
        while not stop():
            trial += 1
            split = population.target(rng)
            start, parents, move = _start(problem, population, split, rng, stop)
            model = partial(CyclicModel, fixed=split[0], triples=split[1])
            emphases = (30.0, 1.0) if not parents or rng.random() < 0.5 else (1.0,)
            point = solve_in_stages(model, problem, start.point, stop, emphases=emphases)
            factors = model(problem.objective()).factors(point)
            details = {"trial": trial, "fixed": split[0], "triples": split[1], "move": move}
            for candidate in finish(problem, factors, rng, stop, parents, details):
                if "rounded" not in candidate.details:
                    population.add(candidate.encoder, CyclicForm.from_point(point, split[0]))
                yield from improving.offer(candidate)
            stop.count_trial()


def _start(
    problem: Problem, population: OrbitPopulation, split: Split, rng: np.random.Generator, stop: Stop
) -> tuple[CyclicForm, tuple[str, ...], str]:
    """Where a trial at this split starts, the digests of what it was made from, and how in words."""
    above = population.above(split)
    exact = [s for s in above if population.members[s][0][0].exact]
    if exact and rng.random() < DESCENTS:
        encoder, form = population.draw(exact[0], rng)
        return _descend(problem, form, split, rng, stop), (encoder.digest,), "drop orbits"
    sources = {
        name: source
        for name, (_, offset, _) in MOVES.items()
        if (source := (split[0] + offset[0], split[1] + offset[1])) in population.members
    }
    if sources and rng.random() > RANDOM_STARTS:
        weight = np.array([MOVES[name][2] for name in sources])
        name = list(sources)[int(rng.choice(len(sources), p=weight / weight.sum()))]
        encoder, form = population.draw(sources[name], rng)
        form = MOVES[name][0](form, rng)
        # A little noise leaves the saddle points that a structured move can land on.
        return (form if "orbits" in name else shake(form, rng)), (encoder.digest,), name
    if above and rng.random() < 0.8:
        encoder, form = population.draw(above[0], rng)
        return _descend(problem, form, split, rng, stop), (encoder.digest,), "drop orbits"
    return random_form(*split, problem.format.sizes[0], rng), (), "random"


def _descend(problem: Problem, form: CyclicForm, split: Split, rng: np.random.Generator, stop: Stop) -> CyclicForm:
    """Drop orbits one after another, with a short refit after each but the last."""
    while form.counts != split:
        excess = form.counts[0] - split[0], form.counts[1] - split[1]
        form = (drop_triple if rng.random() * sum(excess) < excess[1] else drop_fixed)(form, rng)
        if form.counts != split:
            model = partial(CyclicModel, fixed=form.counts[0], triples=form.counts[1])
            point = solve_in_stages(model, problem, form.point, stop, emphases=(1.0,), iterations=25)
            form = CyclicForm.from_point(point, form.counts[0])
    return form
