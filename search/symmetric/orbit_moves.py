"""Moves between invariant encoders: orbits removed, added, exchanged, replaced, or shaken."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from search.symmetric.invariant_form import InvariantForm, Structure, random_orbits
from search.symmetric.orbit_groups import types_of
from stl_algebra import Format

#: At most this many products leave, and come in, with one exchange (or one orbit, where that is longer).
EXCHANGED = 9


def neighbours(structure: Structure, rank: int) -> Iterator[Structure]:
    """The other structures of this rank reached by removing orbits of one type and adding orbits of one type.

    >>> from stl_algebra import Format
    >>> sorted(s.counts for s in neighbours(Structure(Format(2, 2, 2), "Z3", (2, 1)), 6))
    [(0, 6), (1, 3), (2, 0)]
    """
    counts = structure.counts
    lengths = [kind.length for kind in types_of(structure.format, structure.group)]
    removals = [(0, 0)] + [
        (k, c) for k, count in enumerate(counts) for c in range(1, count + 1) if c == 1 or c * lengths[k] <= EXCHANGED
    ]
    seen = {counts}
    for removed, number in removals:
        missing = rank - structure.rank + number * lengths[removed]
        for added, length in enumerate(lengths):
            more, rest = divmod(missing, length)
            if rest or more < 0 or (more > 1 and missing > EXCHANGED):
                continue
            changed = list(counts)
            changed[removed] -= number
            changed[added] += more
            if tuple(changed) not in seen and any(changed):
                seen.add(tuple(changed))
                yield Structure(structure.format, structure.group, tuple(changed))


def towards(form: InvariantForm, structure: Structure, rng: np.random.Generator) -> InvariantForm:
    """The form with orbits dropped at random, and random ones added, to have another structure of its group."""
    orbits = []
    for block, count in zip(form.orbits, structure.counts, strict=True):
        kept = np.sort(rng.permutation(len(block))[:count])
        fresh = random_orbits(structure.format, block.shape[1], max(count - len(block), 0), rng)
        orbits.append(np.concatenate([block[kept], fresh]))
    return InvariantForm(structure, tuple(orbits))


def replace_orbits(form: InvariantForm, rng: np.random.Generator) -> InvariantForm:
    """One to three orbits replaced by random ones."""
    orbits = [block.copy() for block in form.orbits]
    places = [(k, i) for k, block in enumerate(orbits) for i in range(len(block))]
    for place in rng.permutation(len(places))[: int(rng.integers(1, 4))]:
        k, i = places[place]
        orbits[k][i] = random_orbits(form.structure.format, orbits[k].shape[1], 1, rng)[0]
    return InvariantForm(form.structure, tuple(orbits))


def shake(form: InvariantForm, rng: np.random.Generator) -> InvariantForm:
    """Normal noise on every parameter, a little or much."""
    noise = float(rng.choice([0.01, 0.03, 0.1, 0.2, 0.3]))
    return InvariantForm(form.structure, tuple(b + noise * rng.standard_normal(b.shape) for b in form.orbits))


def drop_orbit(form: InvariantForm, longest: int, rng: np.random.Generator) -> InvariantForm:
    """The form without one orbit of at most so many products; the same where there is none."""
    types = types_of(form.structure.format, form.structure.group)
    places = [(k, i) for k, block in enumerate(form.orbits) for i in range(len(block)) if types[k].length <= longest]
    if not places:
        return form
    k, i = places[int(rng.integers(len(places)))]
    counts = tuple(count - (j == k) for j, count in enumerate(form.structure.counts))
    orbits = tuple(np.delete(b, i, axis=0) if j == k else b for j, b in enumerate(form.orbits))
    return InvariantForm(Structure(form.structure.format, form.structure.group, counts), orbits)


def random_structure(like: Structure, rank: int, rng: np.random.Generator) -> Structure | None:
    """A random structure of a rank for the format and group of another one; long orbits come first.

    None where no number of orbits has this rank.
    """
    if not fills(like.format, like.group, rank):
        return None
    lengths = _lengths(like.format, like.group)
    filled = _sums(lengths, rank)
    counts = np.zeros(len(lengths), dtype=int)
    # Types of one length share its weight: groups with many kinds of short orbits would draw hardly anything else.
    # The square: at ⟨4,4,4⟩:40 one start in 60 with as many orbits of 9 as fit comes below .15, hardly one with fewer.
    weight = lengths**2 / np.array([np.sum(lengths == length) for length in lengths])
    while (missing := rank - int(counts @ lengths)) > 0:
        # What is left after it has to be a sum of lengths again.
        fitting = np.where((lengths <= missing) & filled[np.maximum(missing - lengths, 0)], weight, 0.0)
        counts[rng.choice(len(lengths), p=fitting / fitting.sum())] += 1
    return Structure(like.format, like.group, tuple(int(c) for c in counts))


def fills(format: Format, group: str, rank: int) -> bool:
    """Whether some number of a group's orbits has a rank.

    >>> fills(Format(4, 4, 4), "Z3", 37)
    True
    """
    return bool(_sums(_lengths(format, group), rank)[rank])


def _lengths(format: Format, group: str) -> NDArray[np.int64]:
    return np.array([kind.length for kind in types_of(format, group)])


def _sums(lengths: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Whether each number up to `most` is a sum of some of these lengths, each as often as need be."""
    sums = np.zeros(most + 1, dtype=bool)
    sums[0] = True
    for number in range(1, most + 1):
        sums[number] = sums[number - lengths[lengths <= number]].any()
    return sums
