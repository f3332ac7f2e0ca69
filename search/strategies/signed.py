"""Search among encoders invariant under random groups of signed permutations, other ones on each of the spaces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

import numpy as np

from search.local.refinement import small_enough
from search.problem import Problem
from search.stop import Stop
from search.strategies.invariant_trial import invariant_trial
from search.strategy import Explorer, Strategy
from search.symmetric.invariant_form import InvariantForm, Structure
from search.symmetric.orbit_groups import ALL_TYPES, OF_SCHEMES, group_of, types_of
from search.symmetric.orbit_moves import fills, random_structure
from search.symmetric.orbit_population import WORTH
from search.trial import Candidate, Trial
from stl_algebra import InvalidInput, TileEncoder
from stl_algebra.symmetry import random_signed_group, signed_text, symmetry_group

#: Orders of the groups. From random starts at ⟨4,4,4⟩:48 those of order 8 and 16 do best, of order 12 and 24 worse. At
#: ⟨3,3,3⟩:18 a sign of one coordinate in each space does better than all that are larger, so smaller ones are drawn
#: too, where they leave few unknowns.
SMALLEST, LARGEST = 4, 16
FEW_UNKNOWNS = 500
#: Groups are drawn in proportion to their order, for a trial in a large one takes less time; those whose order does not
#: divide the rank, which need short orbits, so much less often.
UNEVEN = 0.15
#: Groups that are drawn until one has encoders of the rank: where the rank is odd, one in five has.
DRAWN = 40
#: Random starts in a group that is new, or taken up again, and in one of the literature; how many of them have nothing
#: but longest orbits, where those make up the rank.
STARTS, FIRST_STARTS, LONGEST_ALONE = 4, 24, 0.7
#: How often a group is new, and how often a known one is made larger; else it is taken up again, and then sometimes its
#: encoder is moved instead of started anew.
NEW, GROWN, MOVED = 0.4, 0.25, 0.5
#: So many of the best known encoders of the rank are asked for their group, up to formats of this size: at ⟨4,4,4⟩ it
#: takes a second. Those with more symmetries than this leave products out and nothing else.
RECOGNISED, LISTED, MOST_SYMMETRIES = 4, 4, 100
#: Groups that are kept; one that so many others are better than is taken up e times less often than the best.
KEPT, FAVOUR = 24, 3.0


class SignedSearch(Strategy):
    """Random starts in spaces of encoders invariant under a random group Γ of signed permutations.

    Γ acts on each of the three spaces in a way of its own, so it is seldom a group of simultaneous changes of basis,
    and there are far more of them than can be named. A group gets a few random starts, with as many of its longest
    orbits as fit; those that come far are taken up again, made larger, or their encoders moved. Solutions are
    rounded among the invariant encoders, where the entries are few. The first group is one that the literature shows
    to be of use, where there is such a one: so the exact rank 48 of ⟨4,4,4⟩ is found in seconds.
    """

    name = "signed"

    def applies(self, problem: Problem) -> bool:
        return problem.weights is None and bool(_orders(problem))

    def explorer(self, problem: Problem) -> Explorer:
        return _Groups(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        return invariant_trial(trial, rng, stop)


class _Groups(Explorer):
    """The groups that came farthest, each with its best encoder."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._orders = np.array(_orders(problem))
        self._first = OF_SCHEMES.get((problem.format, problem.rank))
        self._best: dict[str, tuple[float, TileEncoder]] = {}
        for encoder in problem.known_of_rank(problem.rank)[:RECOGNISED]:
            group = _group_of(encoder)
            if group is None or len(group_of(problem.format, group)) not in self._orders:
                continue
            if InvariantForm.of(encoder, group) is not None:
                self._best.setdefault(group, (problem.cost(encoder), encoder))

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:
        if self._first is not None:
            group, self._first = self._first, None
            yield from self._starts(group, rng, FIRST_STARTS)
            return
        choice = rng.random()
        new = self._new_group(rng) if not self._best or choice < NEW else None
        if new is not None:
            yield from self._starts(new, rng)
            return
        if not self._best:
            return
        known = sorted(self._best, key=lambda group: self._best[group][0])
        group = known[min(int(rng.exponential(FAVOUR)), len(known) - 1)]
        if choice < NEW + GROWN:
            yield from self._starts(self._larger_group(group, rng), rng)
        elif rng.random() < MOVED:
            move = "shake" if rng.random() < 0.5 else "replace orbits"
            yield Trial(SignedSearch.name, self._problem, move, (self._best[group][1],), self._options(group))
        else:
            yield from self._starts(group, rng)

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        group, cost = trial.options["group"], self._problem.cost(candidate.encoder)
        # A rounded encoder may have been brought into other bases, in which the group is another one.
        if "rounded" not in candidate.details and (group not in self._best or cost < self._best[group][0]):
            self._best[group] = (cost, candidate.encoder)
            if len(self._best) > KEPT:
                del self._best[max(self._best, key=lambda other: self._best[other][0])]

    def _new_group(self, rng: np.random.Generator) -> str | None:
        """A random group that has encoders of the rank; None where so many drawn have none."""
        for _ in range(DRAWN):
            if not len(self._orders):
                return None
            even = np.where(self._problem.rank % self._orders == 0, 1.0, UNEVEN)
            weight = self._orders * even
            order = int(rng.choice(self._orders, p=weight / weight.sum()))
            try:
                group = random_signed_group(self._problem.format, [order], rng)
            except InvalidInput:
                # Not every number is the order of a group, and some are of hardly any.
                self._orders = self._orders[self._orders != order]
                continue
            if fills(self._problem.format, group, self._problem.rank):
                return group
        return None

    def _larger_group(self, group: str, rng: np.random.Generator) -> str:
        """A group with this one as a subgroup, or where none is found, a new one; the same where that is not found."""
        order = len(group_of(self._problem.format, group))
        larger = [int(other) for other in self._orders if other > order and other % order == 0]
        if not larger:
            return group
        with suppress(InvalidInput):
            found = random_signed_group(self._problem.format, larger, rng, within=group)
            if fills(self._problem.format, found, self._problem.rank):
                return found
        return self._new_group(rng) or group

    def _starts(self, group: str, rng: np.random.Generator, number: int = STARTS) -> Iterator[Trial]:
        none = Structure(self._problem.format, group, (0,) * len(types_of(self._problem.format, group)))
        for _ in range(number):
            structure = _structure(none, self._problem.rank, rng)
            assert structure is not None  # or the group would have been passed over
            options = {**self._options(group), "counts": list(structure.counts)}
            yield Trial(SignedSearch.name, self._problem, "random", (), options)

    def _options(self, group: str) -> dict[str, object]:
        best = min((cost for cost, _ in self._best.values()), default=None)
        return {"group": group, "worth": None if best is None else WORTH[0] * best + WORTH[1]}


def _structure(like: Structure, rank: int, rng: np.random.Generator) -> Structure | None:
    longest = types_of(like.format, like.group)[0].length
    if rank % longest == 0 and rng.random() < LONGEST_ALONE:
        return Structure(like.format, like.group, (rank // longest, *like.counts[1:]))
    return random_structure(like, rank, rng)


@lru_cache(maxsize=256)
def _group_of(encoder: TileEncoder) -> str | None:
    """The signed permutations that leave an encoder invariant, as text; None where they are too many."""
    if max(encoder.format) > LISTED:
        return None
    try:
        group = symmetry_group(encoder, MOST_SYMMETRIES)
    except InvalidInput:
        return None
    return signed_text(tuple(element for element in group if not element.rotation and not element.transposed))


def _orders(problem: Problem) -> list[int]:
    """The orders of groups that leave few enough unknowns and at least two orbits, and have some of the rank.

    Of groups larger than ALL_TYPES only orbits of the order or half of it are known.
    """
    largest = min(LARGEST, problem.rank // 2)
    if largest < SMALLEST:
        return []
    unknowns = problem.rank * sum(problem.format.sizes)
    orders = range(SMALLEST if unknowns > 2 * FEW_UNKNOWNS else 2, largest + 1)
    filling = (order for order in orders if order <= ALL_TYPES or problem.rank % (order // 2) == 0)
    return [order for order in filling if small_enough(problem, order) and _is_smooth(order)]


def _is_smooth(order: int) -> bool:
    """Whether generators of order 2, 3 and 4 make groups of this order."""
    for prime in (2, 3):
        while order % prime == 0:
            order //= prime
    return order == 1
