"""Search among Z3-invariant encoders: the unknowns are orbit representatives, a third as many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from search.cyclic_form import CyclicForm
from search.cyclic_model import CyclicModel
from search.exact_seeds import exact_seed
from search.finish import finish, solve_in_stages
from search.strategy import Candidate, Improving, Problem, Stop
from stl_algebra import TileEncoder

Array = NDArray[np.float64]
#: How many encoders the search keeps to start from.
POPULATION = 12


class OrbitSearch:
    """Hops in the space of Z3-invariant encoders of a cube: f products a⊗a⊗a and t cyclic triples, r = f + 3t.

    A trial takes a known invariant encoder (the construction, known encoders of any rank, the best found so
    far) or a random one, walks to another split (f', t') of the rank by dropping, adding, splitting or
    joining orbits with a short refit after each, replaces up to three orbits by random ones or adds
    noise, and minimises. Good encoders stay in a population.
    """

    name = "orbit"

    def applies(self, problem: Problem) -> bool:
        return problem.format.is_cube and problem.format.n > 1

    def search(self, problem: Problem, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        improving = Improving(problem)
        population = _Population(problem)
        trial = 0
        while not stop():
            trial += 1
            parent, form = population.draw(rng)
            fixed, triples = population.split(form, rng)
            form = _walk(problem, form, fixed, triples, rng, stop)
            change = "none"
            if parent is None or parent.rank == problem.rank:
                form, change = _perturbed(form, rng)
            model = partial(CyclicModel, fixed=fixed, triples=triples)
            emphases = (30.0, 1.0) if parent is None or rng.random() < 0.5 else (1.0,)
            point = solve_in_stages(model, problem, form.point, stop, emphases=emphases)
            factors = model(problem.objective()).factors(point)
            details = {"trial": trial, "fixed": fixed, "triples": triples, "change": change}
            for candidate in finish(problem, factors, rng, stop, (parent.digest,) if parent else (), details):
                if "rounded" not in candidate.details:
                    population.add(candidate.encoder, CyclicForm.from_point(point, fixed))
                yield from improving.offer(candidate)
            stop.count_trial()


class _Population:
    """Invariant encoders to start from: sources of any rank, and the best of the problem's rank."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        known = [*problem.known, exact_seed(problem.format)]
        forms = [(encoder, form) for encoder in known if (form := CyclicForm.of(encoder)) is not None]
        self._sources = [item for item in forms if item[0].rank != problem.rank]
        self._best: list[tuple[TileEncoder, CyclicForm]] = []
        for encoder, form in forms:
            if encoder.rank == problem.rank:
                self.add(encoder, form)

    def add(self, encoder: TileEncoder, form: CyclicForm) -> None:
        cost = self._problem.cost
        if any(abs(cost(encoder) - cost(other)) < 1e-6 for other, _ in self._best):
            return  # most likely the same encoder in another gauge
        self._best = sorted([*self._best, (encoder, form)], key=lambda item: cost(item[0]))[:POPULATION]

    def draw(self, rng: np.random.Generator) -> tuple[TileEncoder | None, CyclicForm]:
        """Where a trial starts: mostly the best of this rank, else another rank, rarely at random."""
        choice = rng.random()
        if self._best and choice < 0.6:
            return self._best[min(int(rng.exponential(3.0)), len(self._best) - 1)]
        if self._sources and choice < 0.95:
            # Encoders of near ranks are the better starts.
            distance = np.array([abs(encoder.rank - self._problem.rank) for encoder, _ in self._sources], float)
            weight = 1 / (2 + distance)
            return self._sources[int(rng.choice(len(distance), p=weight / weight.sum()))]
        rank, size = self._problem.rank, self._problem.format.sizes[0]
        fixed = int(rng.choice(np.arange(rank % 3, rank + 1, 3)[:6]))
        return None, _random_form(fixed, (rank - fixed) // 3, size, rng)

    def split(self, form: CyclicForm, rng: np.random.Generator) -> tuple[int, int]:
        """(f', t') with f' + 3t' = r, near the split of the start."""
        rank = self._problem.rank
        choices = np.arange(rank % 3, rank + 1, 3)
        weight = np.exp(-np.abs(choices - form.counts[0]) / 1.5) + 1e-12
        fixed = int(rng.choice(choices, p=weight / weight.sum()))
        return fixed, (rank - fixed) // 3


def _random_form(fixed: int, triples: int, size: int, rng: np.random.Generator) -> CyclicForm:
    scale = 2.0 / np.sqrt(size)
    return CyclicForm(scale * rng.standard_normal((fixed, size)), scale * rng.standard_normal((3, triples, size)))


def _walk(
    problem: Problem, form: CyclicForm, fixed: int, triples: int, rng: np.random.Generator, stop: Stop
) -> CyclicForm:
    """From one split to another, an orbit at a time; a short refit after every step but the last."""
    while form.counts != (fixed, triples):
        form = _step(form, fixed, triples, rng)
        if form.counts != (fixed, triples) and form.counts[0] + 3 * form.counts[1] >= problem.rank:
            model = partial(CyclicModel, fixed=form.counts[0], triples=form.counts[1])
            point = solve_in_stages(model, problem, form.point, stop, emphases=(1.0,), iterations=25)
            form = CyclicForm.from_point(point, form.counts[0])
    return form


def _step(form: CyclicForm, fixed: int, triples: int, rng: np.random.Generator) -> CyclicForm:
    f, t = form.counts
    size = form.fixed.shape[1]
    if t > triples:
        k = int(rng.integers(t))
        rest = np.delete(form.triples, k, axis=1)
        if f + 3 <= fixed:  # split a triple into three fixed products
            return CyclicForm(np.concatenate([form.fixed, form.triples[:, k]]), rest)
        return CyclicForm(form.fixed, rest)
    if f > fixed:
        if f - 3 >= fixed and t < triples:  # join three fixed products into a triple
            chosen = rng.choice(f, size=3, replace=False)
            joined = np.concatenate([form.triples, form.fixed[chosen][:, None, :]], axis=1)
            return CyclicForm(np.delete(form.fixed, chosen, axis=0), joined)
        return CyclicForm(np.delete(form.fixed, int(rng.integers(f)), axis=0), form.triples)
    fresh = _random_form(int(f < fixed), int(t < triples), size, rng)
    return CyclicForm(np.concatenate([form.fixed, fresh.fixed]), np.concatenate([form.triples, fresh.triples], axis=1))


def _perturbed(form: CyclicForm, rng: np.random.Generator) -> tuple[CyclicForm, str]:
    """Noise on everything, or one to three orbits replaced by random ones."""
    fixed, triples = form.fixed.copy(), form.triples.copy()
    f, t = form.counts
    if rng.random() < 0.25:
        noise = float(rng.choice([0.03, 0.1, 0.2]))
        fixed += noise * rng.standard_normal(fixed.shape)
        triples += noise * rng.standard_normal(triples.shape)
        return CyclicForm(fixed, triples), f"noise {noise}"
    replaced = rng.choice(f + t, size=min(f + t, int(rng.integers(1, 4))), replace=False)
    fresh = _random_form(f, t, fixed.shape[1], rng)
    for k in replaced:
        if k < f:
            fixed[k] = fresh.fixed[k]
        else:
            triples[:, k - f] = fresh.triples[:, k - f]
    return CyclicForm(fixed, triples), f"{len(replaced)} orbits replaced"
