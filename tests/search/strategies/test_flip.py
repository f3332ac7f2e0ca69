"""Strategy flip: where it applies, and that what it offers is exact for real numbers and of the rank asked for."""

from __future__ import annotations

import numpy as np
import pytest

from search.flip_graph import Scheme
from search.flip_graph import explore as explore_flips
from search.problem import Problem
from search.running.exploration import explore
from search.stop import Stop
from search.strategies.flip import FlipSearch
from search.trial import Candidate
from stl_algebra import Format, Ring, TileEncoder, classical
from stl_algebra.schemes import hopcroft_kerr_233, reorient


def _found(problem: Problem, seed: int, trials: int) -> list[Candidate]:
    return list(explore(FlipSearch(), problem, np.random.default_rng(seed), Stop(trials=trials)))


@pytest.mark.parametrize(
    ("sides", "first", "last"),
    [((2, 2, 2), 7, 7), ((2, 2, 5), 18, 18), ((3, 3, 3), 22, 23), ((4, 4, 4), 47, 49), ((5, 3, 4), 46, 49)],
)
def test_it_applies_where_an_exact_encoder_is_conceivable(sides: tuple[int, int, int], first: int, last: int) -> None:
    format = Format(*sides)
    ranks = [r for r in range(1, format.products + 1) if FlipSearch().applies(Problem(format, r))]
    assert ranks == list(range(first, last + 1))


@pytest.mark.parametrize("sides", [(1, 3, 3), (9, 8, 2)])
def test_it_does_not_apply_where_nothing_can_be_found(sides: tuple[int, int, int]) -> None:
    format = Format(*sides)
    assert not any(FlipSearch().applies(Problem(format, r)) for r in range(1, format.products + 1))


@pytest.mark.parametrize(("sides", "rank"), [((2, 3, 3), 15), ((2, 3, 4), 20), ((3, 3, 3), 23)])
def test_candidates_are_exact(sides: tuple[int, int, int], rank: int) -> None:
    candidates = _found(Problem(Format(*sides), rank), seed=0, trials=4)
    assert candidates
    for candidate in candidates:
        assert candidate.encoder.rank == rank
        assert candidate.encoder.ring.is_exact_for_reals
        assert candidate.encoder.relative_error == 0
        assert candidate.details["from_rank"] >= rank


def test_what_holds_over_gf2_only_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no scheme lifts, trials over GF(2) offer nothing."""
    monkeypatch.setattr("search.strategies.flip.lift", lambda *_: None)
    candidates = _found(Problem(Format(2, 2, 3), 11), seed=1, trials=4)
    assert candidates
    assert all(candidate.details["walked_over"] == "{−1, 0, 1}" for candidate in candidates)


def test_it_starts_from_known_encoders_and_names_them() -> None:
    known = classical(Format(2, 2, 2))
    problem = Problem(Format(2, 2, 2), 7, known=(known,))
    parents = {parent for seed in range(8) for candidate in _found(problem, seed, 1) for parent in candidate.parents}
    assert known.digest in parents


def test_an_encoder_over_gf2_is_a_start_too() -> None:
    u, v, w = (f % 2 for f in hopcroft_kerr_233().factors)
    known = TileEncoder(hopcroft_kerr_233().format, u, v, w.T, Ring.GF2)
    assert Scheme.of(known, Ring.GF2) is not None
    candidates = _found(Problem(known.format, 15, known=(known,)), seed=0, trials=5)
    assert all(candidate.encoder.ring.is_exact_for_reals for candidate in candidates)


def test_exploring_goes_down_and_ends_at_its_target() -> None:
    met = list(explore_flips(Format(3, 3, 3), Ring.GF2, np.random.default_rng(0), Stop(), 23))
    ranks = [scheme.rank for scheme in met]
    assert ranks == sorted(set(ranks), reverse=True)
    assert ranks[-1] <= 23
    assert met[-1].encoder.ring is Ring.GF2
    assert list(explore_flips(Format(3, 3, 3), Ring.GF2, np.random.default_rng(0), Stop(trials=0))) == []


def test_square_formats_are_walked_symmetrically_too() -> None:
    """With lifting to Z: the ranks of Strassen's and of Laderman's algorithms."""
    for n, rank in ((2, 7), (3, 23)):
        candidates = [c for seed in range(4) for c in _found(Problem(Format(n, n, n), rank), seed, trials=6)]
        started = [c for c in candidates if c.recipe is not None and c.recipe.kind == "symmetric"]
        assert started
        assert all(c.encoder.rank == rank and c.encoder.ring.is_exact_for_reals for c in started)


def test_smaller_schemes_of_the_catalog_are_grown() -> None:
    """The exact parts of a problem are the parents of what is grown from them."""
    part = reorient(hopcroft_kerr_233(), Format(3, 2, 3))
    problem = Problem(Format(3, 3, 3), 23, parts=(part,))
    parents = {parent for seed in range(6) for c in _grown(problem, seed) for parent in c.parents}
    assert part.digest in parents


def _grown(problem: Problem, seed: int) -> list[Candidate]:
    return [
        ancestor
        for candidate in _found(problem, seed, trials=8)
        for ancestor in (candidate, *candidate.ancestors)
        if ancestor.recipe is not None and ancestor.recipe.kind == "grown"
    ]
