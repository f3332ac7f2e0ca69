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
from search.strategy import Candidate, Explorer, Problem, Stop, Strategy
from search.trial import Trial
from stl_algebra import TileEncoder

#: How often a trial starts at random, descends from an exact encoder, and stays within a structure; else it
#: goes from one structure to another.
RANDOM, DESCEND, STAY = 0.35, 0.15, 0.3
#: So many of the best known invariant encoders of the rank are first minimised as they are: they may have been made
#: for another precision.
POLISHED = 2
#: Iterations before a trial is compared with the best, to see whether it is worth minimising further.
SHORT = 60
#: The moves within a structure.
_WITHIN = {"polish": lambda form, _: form, "shake": shake, "replace orbits": replace_orbits}
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
        problem, kind = trial.problem, trial.kind
        start = _start(trial, rng, stop)
        if start is None:
            return
        if kind == "polish":
            emphases = descending(problem, trial.parents[0])
        else:
            emphases = (1e3, 30.0) if not trial.parents else (30.0,) if rng.random() < 0.5 else (1.0,)
        structure = start.structure
        model = partial(InvariantModel, space=structure.space)
        point = solve_in_stages(model, problem, start.point, stop, emphases=emphases, iterations=SHORT)
        worth = trial.options["worth"]
        if worth is None or problem.objective().error(structure.space.factors(point[0])) < worth:
            point = solve_in_stages(model, problem, point, stop, emphases=(1.0,))
        details = {"structure": str(structure), "move": kind}
        yield from finish(problem, structure.space.factors(point[0]), rng, stop, details)


class _Moves(Explorer):
    """Draws a move, and the encoder and group that it starts from; at random, the group and how many orbits."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._population = OrbitPopulation(problem)
        self._unpolished = self._population.best_of_rank(problem.rank, POLISHED)

    def round(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self._unpolished:
            yield self._trial("polish", *self._unpolished.pop())
        else:
            yield self._drawn(rng)

    def take(self, trial: Trial, candidate: Candidate) -> None:
        if "rounded" not in candidate.details:
            form = InvariantForm.of(candidate.encoder, trial.options["group"])
            self._population.add(candidate.encoder, [] if form is None else [form])

    def _drawn(self, rng: np.random.Generator) -> Trial:
        population, rank = self._population, self._problem.rank
        here = population.of_rank(rank)
        choice = rng.random()
        if choice < (RANDOM if len(here) >= FEW else 0.5):
            return self._random(rng)
        above = [s for s in population.members if s.rank > rank and population.members[s][0][0].exact]
        if above and choice < 1 - STAY and (not here or rng.random() < DESCEND / (1 - RANDOM - STAY)):
            return self._trial("drop orbits", *population.draw(above[int(rng.integers(len(above)))], rng))
        if here and choice > 1 - STAY:
            member = population.draw(population.draw_structure(here, rng), rng)
            return self._trial("shake" if rng.random() < 0.3 else "replace orbits", *member)
        source = population.draw_structure(list(population.members), rng) if population.members else None
        if source is None or next(neighbours(source, rank), None) is None:
            return self._random(rng)
        return self._trial("exchange orbits", *population.draw(source, rng))

    def _trial(self, move: str, encoder: TileEncoder, form: InvariantForm) -> Trial:
        options = {"group": form.structure.group, "worth": self._worth()}
        return Trial(OrbitSearch.name, self._problem, move, (encoder,), options)

    def _random(self, rng: np.random.Generator) -> Trial:
        structure = _random_structure(self._problem, rng)
        options = {"group": structure.group, "counts": list(structure.counts), "worth": self._worth()}
        return Trial(OrbitSearch.name, self._problem, "random", (), options)

    def _worth(self) -> float | None:
        worth = self._population.worth()
        return worth if np.isfinite(worth) else None


def _start(trial: Trial, rng: np.random.Generator, stop: Stop) -> InvariantForm | None:
    """Where a trial starts; None where it cannot, or was stopped on the way down."""
    problem, move = trial.problem, trial.kind
    if move == "random":
        return random_form(Structure(problem.format, trial.options["group"], tuple(trial.options["counts"])), rng)
    form = InvariantForm.of(trial.parents[0], trial.options["group"])
    assert form is not None  # or it would not be a member
    if move in _WITHIN:
        return _WITHIN[move](form, rng)
    if move == "drop orbits":
        form = _descend(problem, form, rng, stop)
        if form.structure.rank == problem.rank:
            return form
    reached = list(neighbours(form.structure, problem.rank))
    if not reached or stop():
        return None
    moved = towards(form, reached[int(rng.integers(len(reached)))], rng)
    # A little noise leaves the saddle points that a structured move can land on.
    return moved if rng.random() < 0.5 else shake(moved, rng)


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
