"""Encoders from groups: approximate triple products by annealing, the best decoder, then Levenberg–Marquardt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from search.local.refinement import refined, small_enough, solve_in_stages
from search.numerics.cp_model import CPModel
from search.problem import Problem
from search.stop import Stop
from search.strategy import Explorer, Strategy
from search.trial import Candidate, Trial
from search.triple_product import Annealing, anneal_maps
from stl_algebra import TileEncoder
from stl_algebra.group_encoders import GroupMaps, algebra_rank, group_encoder, truncated_group_encoder
from stl_algebra.groups import FiniteGroup, direct_product, library
from stl_algebra.representations import wedderburn

#: Algebras multiplied with this share of the rank's products, at least and at most, are drawn.
_LEAST, _MOST = 0.6, 1.4
#: Starting from subsets with the triple product property, exact or nearly, does no better at formats up to ⟨4,4,4⟩ than
#: these maps. Short: the maps of least error hold exact sub-products, minima that the polish cannot leave.
_ANNEALING = Annealing(moves=20_000)
#: Draws of a group before the nearest one met is taken.
_DRAWS = 40


class GroupSearch(Strategy):
    """Multiplies in group algebras drawn at random, alone or several at once.

    A trial draws a group whose algebra takes about the rank's products, anneals maps of the entries into it
    (approximate triple product property), adds further convolutions where products are left over, drops
    the blocks and products that matter least where there are too many, and fits the decoder. What results
    is a candidate as it stands, and again after Levenberg–Marquardt.
    """

    name = "group"

    def applies(self, problem: Problem) -> bool:
        # Annealing and decoder minimise the error on white inputs.
        return problem.weights is None and small_enough(problem)

    def explorer(self, problem: Problem) -> Explorer:
        return _Draws(problem)

    def trial(self, trial: Trial, rng: np.random.Generator, stop: Stop) -> Iterator[Candidate]:
        problem = trial.problem
        encoder, maps = _drawn(problem, rng)
        details = _provenance(encoder, maps)
        yield Candidate(encoder, dict(details))
        stop.worked()
        if not stop():
            point = solve_in_stages(CPModel, problem, encoder.factors, stop, penalty_scales=(1.0,))
            details["words"] += "; then all three factors by Levenberg–Marquardt"
            yield from refined(problem, point, rng, stop, details)


class _Draws(Explorer):
    """Every trial is one of its own."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def ask(self, rng: np.random.Generator) -> Iterator[Trial]:  # noqa: ARG002
        yield Trial(GroupSearch.name, self._problem, "random")

    def tell(self, trial: Trial, candidate: Candidate) -> None:
        """Nothing: no trial starts from another."""


def _drawn(problem: Problem, rng: np.random.Generator) -> tuple[TileEncoder, list[GroupMaps]]:
    """An encoder of the problem's rank from as many convolutions as that takes."""
    maps: list[GroupMaps] = []
    missing = problem.rank
    while missing > 0:
        maps.append(anneal_maps(problem.format, _group_for(missing, rng), rng, _ANNEALING))
        missing -= group_encoder(maps[-1]).rank
    encoder = group_encoder(maps[0])
    if encoder.rank != problem.rank or not encoder.exact:
        encoder = truncated_group_encoder(*maps, rank=problem.rank)
    return encoder, maps


def _group_for(products: int, rng: np.random.Generator) -> FiniteGroup:
    """A group of the library, or a product of two, whose algebra takes about that many products."""
    groups = library()
    nearest, distance = groups[0], abs(algebra_rank(groups[0]) - products)
    for _ in range(_DRAWS):
        group = groups[int(rng.integers(len(groups)))]
        room = products // group.order
        if room >= 2 and rng.random() < 0.5:
            others = [other for other in groups if 2 <= other.order <= room]
            group = direct_product(group, others[int(rng.integers(len(others)))]) if others else group
        if not products / 3 < group.order <= _MOST * products:
            continue
        rank = algebra_rank(group)
        if _LEAST * products <= rank <= _MOST * products:
            return group
        if abs(rank - products) < distance:
            nearest, distance = group, abs(rank - products)
    return nearest


def _provenance(encoder: TileEncoder, maps: list[GroupMaps]) -> dict[str, Any]:
    """Groups, blocks and maps as data, and the derivation in words."""
    algebras = [wedderburn(one.group).describe() for one in maps]
    share = f"{encoder.rank} of {sum(algebra_rank(one.group) for one in maps)} products"
    return {
        "convolutions": [
            {**one.provenance(), "blocks": algebra, "error_of_maps": one.relative_error}
            for one, algebra in zip(maps, algebras, strict=True)
        ],
        "words": f"entries sent into {' and '.join(algebras)}; {share} kept, with the least-squares decoder",
    }
