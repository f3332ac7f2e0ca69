"""A trial among encoders invariant under a group: a start, orbits of products moved, the representatives minimised."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from search.local.refinement import penalty_scales_from, refined, solve_in_stages
from search.numerics.invariant_model import InvariantModel
from search.problem import Problem
from search.stop import Stop
from search.symmetric.invariant_form import InvariantForm, Structure, random_form
from search.symmetric.orbit_moves import drop_orbit, neighbours, replace_orbits, shake, towards
from search.trial import Candidate, Trial

#: Iterations before a trial is compared with the best, to see whether it is worth minimising further.
SHORT = 60
#: The moves within a structure.
_WITHIN = {"polish": lambda form, _: form, "shake": shake, "replace orbits": replace_orbits}


def invariant_trial(trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
    """What a trial makes that starts in a space of invariant encoders and minimises there.

    kind     "random", with as many orbits of each type as the option `counts` says; or, from one parent, "polish",
             "shake", "replace orbits", "drop orbits" or "exchange orbits"
    options  `group`, by its name (see `orbit_groups.group_of`), and `worth`, the error from which on a start that has
             been minimised a little is given up, or None
    """
    problem, kind = trial.problem, trial.kind
    start = _start(trial, rng, stop)
    if start is None:
        return
    if kind == "polish":
        penalty_scales = penalty_scales_from(problem, trial.parents[0])
    else:
        penalty_scales = (1e3, 30.0) if not trial.parents else (30.0,) if rng.random() < 0.5 else (1.0,)
    structure = start.structure
    model = partial(InvariantModel, space=structure.space)
    point = solve_in_stages(model, problem, start.point, stop, penalty_scales=penalty_scales, iterations=SHORT)
    worth = trial.options["worth"]
    if worth is None or problem.objective().error(structure.space.factors(point[0])) < worth:
        point = solve_in_stages(model, problem, point, stop, penalty_scales=(1.0,))
    details = {"structure": str(structure), "move": kind}
    factors = structure.space.factors(point[0])
    yield from refined(problem, factors, rng, stop, details, invariant=(structure.space, point[0]))


def _start(trial: Trial, rng: np.random.Generator, stop: Stop) -> InvariantForm | None:
    """Where a trial starts; None where it cannot, or was stopped on the way down."""
    problem, move = trial.problem, trial.kind
    if move == "random":
        return random_form(Structure(problem.format, trial.options["group"], tuple(trial.options["counts"])), rng)
    form = InvariantForm.of(trial.parents[0], trial.options["group"])
    if form is None:  # a product of the parent has come to vanish
        return None
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


def _descend(problem: Problem, form: InvariantForm, rng: np.random.Generator, stop: Stop) -> InvariantForm:
    """Drop orbits one after another, with a short refit after each but the last, as far as orbits are short enough."""
    while (excess := form.structure.rank - problem.rank) > 0 and not stop():
        stop.worked()
        smaller = drop_orbit(form, excess, rng)
        if smaller is form:
            break
        form = smaller
        if form.structure.rank > problem.rank:
            model = partial(InvariantModel, space=form.structure.space)
            point = solve_in_stages(model, problem, form.point, stop, penalty_scales=(1.0,), iterations=25)
            form = InvariantForm.from_point(form.structure, point)
    return form
