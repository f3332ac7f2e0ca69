"""Moves between Z3-invariant encoders: orbits dropped, added, split, joined, replaced, or shaken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from search.cyclic_form import CyclicForm

Move = Callable[[CyclicForm, np.random.Generator], CyclicForm]


def random_form(fixed: int, triples: int, size: int, rng: np.random.Generator) -> CyclicForm:
    """Normal entries of standard deviation 2/√(n²): f fixed products and t triples."""
    scale = 2.0 / np.sqrt(size)
    return CyclicForm(scale * rng.standard_normal((fixed, size)), scale * rng.standard_normal((3, triples, size)))


def drop_triple(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f, t − 1)."""
    return CyclicForm(form.fixed, np.delete(form.triples, int(rng.integers(form.counts[1])), axis=1))


def drop_fixed(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f − 1, t)."""
    return CyclicForm(np.delete(form.fixed, int(rng.integers(form.counts[0])), axis=0), form.triples)


def add_triple(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f, t + 1)."""
    fresh = random_form(0, 1, form.size, rng)
    return CyclicForm(form.fixed, np.concatenate([form.triples, fresh.triples], axis=1))


def add_fixed(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f + 1, t)."""
    fresh = random_form(1, 0, form.size, rng)
    return CyclicForm(np.concatenate([form.fixed, fresh.fixed]), form.triples)


def split_triple(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f + 3, t − 1): the triple a, b, c becomes a⊗a⊗a, b⊗b⊗b, c⊗c⊗c."""
    k = int(rng.integers(form.counts[1]))
    return CyclicForm(np.concatenate([form.fixed, form.triples[:, k]]), np.delete(form.triples, k, axis=1))


def join_fixed(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """(f, t) → (f − 3, t + 1): three fixed products a, b, c become the triple of a⊗b⊗c."""
    chosen = rng.choice(form.counts[0], size=3, replace=False)
    joined = np.concatenate([form.triples, form.fixed[chosen][:, None, :]], axis=1)
    return CyclicForm(np.delete(form.fixed, chosen, axis=0), joined)


def replace_orbits(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """One to three orbits replaced by random ones."""
    f, t = form.counts
    fixed, triples = form.fixed.copy(), form.triples.copy()
    fresh = random_form(f, t, form.size, rng)
    for k in rng.choice(f + t, size=min(f + t, int(rng.integers(1, 4))), replace=False):
        if k < f:
            fixed[k] = fresh.fixed[k]
        else:
            triples[:, k - f] = fresh.triples[:, k - f]
    return CyclicForm(fixed, triples)


def shake(form: CyclicForm, rng: np.random.Generator) -> CyclicForm:
    """Normal noise on every entry, a little or much."""
    noise = float(rng.choice([0.01, 0.03, 0.1, 0.2, 0.3]))
    return CyclicForm(
        form.fixed + noise * rng.standard_normal(form.fixed.shape),
        form.triples + noise * rng.standard_normal(form.triples.shape),
    )


#: Every move by name, where its start lies from the split it leads to, and how often it is drawn.
MOVES: dict[str, tuple[Move, tuple[int, int], float]] = {
    "replace orbits": (replace_orbits, (0, 0), 5),
    "shake": (shake, (0, 0), 2),
    "drop a triple": (drop_triple, (0, 1), 2),
    "drop a fixed product": (drop_fixed, (1, 0), 1),
    "add a triple": (add_triple, (0, -1), 1),
    "add a fixed product": (add_fixed, (-1, 0), 1),
    "split a triple": (split_triple, (-3, 1), 2),
    "join fixed products": (join_fixed, (3, -1), 2),
}
