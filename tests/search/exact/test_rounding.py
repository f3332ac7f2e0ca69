"""Numerical solutions become exact encoders; what is no solution does not."""

from __future__ import annotations

import numpy as np
import pytest

from search.exact.rounding import round_invariant, round_to_exact
from search.numerics.objective import Factors, Objective
from search.problem import Problem
from search.running.exploration import run_trial
from search.stop import Stop
from search.symmetric.orbit_groups import OF_SCHEMES, group_of
from search.trial import Trial
from stl_algebra import Format, Ring, TileEncoder, strassen
from stl_algebra.symmetry import fit_orbits, is_invariant, named_subgroups, orbit_types, parametrise
from tests.search.minima import near_solution


def _in_another_basis(encoder: TileEncoder, seed: int) -> Factors:
    """The same encoder under X → P⁻¹XQ, W → Q⁻¹WR, Y → P⁻¹YR with random P, Q, R and random scalings."""
    rng = np.random.default_rng(seed)
    n, m, p = encoder.format
    bases = [np.linalg.qr(rng.standard_normal((k, k)))[0] @ np.diag(rng.uniform(0.7, 1.4, k)) for k in (n, m, p)]
    left, middle, right = bases
    u, v, w = encoder.factors
    x = np.einsum("sij,ia,jb->sab", u.reshape(-1, n, m), left, np.linalg.inv(middle).T)
    y = np.einsum("sij,ia,jb->sab", v.reshape(-1, m, p), middle, np.linalg.inv(right).T)
    z = np.einsum("sij,ia,jb->sab", w.reshape(-1, n, p), np.linalg.inv(left).T, right)
    scale = rng.uniform(0.5, 2.0, len(u))[:, None]
    return x.reshape(len(u), -1) * scale, y.reshape(len(u), -1) / scale, z.reshape(len(u), -1)


@pytest.mark.parametrize("seed", range(4))
def test_strassen_is_recovered_from_any_basis(seed: int) -> None:
    objective = Objective(Format(2, 2, 2), 0.0)
    factors = _in_another_basis(strassen(), seed)
    assert objective.value(factors) < 1e-20
    found = [round_to_exact(objective.format, factors, np.random.default_rng(attempt), Stop()) for attempt in range(3)]
    exact = [encoder for encoder in found if encoder is not None]
    assert exact
    assert all(encoder.rank == 7 and encoder.ring.is_exact_for_reals for encoder in exact)


def test_an_approximate_minimum_is_refused() -> None:
    rng = np.random.default_rng(0)
    u, v, w = (rng.standard_normal((5, 4)) for _ in range(3))
    assert round_to_exact(Format(2, 2, 2), (u, v, w), rng, Stop()) is None


def test_stop_ends_it() -> None:
    factors = _in_another_basis(strassen(), 1)
    stop = Stop()
    stop.cancel()
    assert round_to_exact(Format(2, 2, 2), factors, np.random.default_rng(0), stop) is None


@pytest.mark.parametrize("kind", ["polish", "shake"])
def test_rank_48_is_exact_among_the_encoders_invariant_under_a_group(kind: str) -> None:
    """Three orbits of sixteen products, near a solution that a random start came to, or shaken by up to a third."""
    format = Format(4, 4, 4)
    group = OF_SCHEMES[format, 48]
    parent, options = near_solution(format, 48, group), {"group": group, "worth": 0.2}
    assert not parent.exact
    for seed in range(10):  # of ten seeds all came to it
        trial = Trial("signed", Problem(format, 48), kind, (parent,), options, seed)
        exact = [candidate.encoder for candidate in run_trial(trial, Stop()) if candidate.encoder.exact]
        # In bases of its own a solution is exact too, but invariant under another group.
        exact = [one for one in exact if all(is_invariant(one, element) for element in group_of(format, group))]
        if exact:
            break
    assert exact
    assert exact[0].rank == 48
    assert exact[0].ring is Ring.DYADIC


def test_an_invariant_solution_rounds_to_an_invariant_encoder() -> None:
    group = named_subgroups(Format(2, 2, 2))["Z3"]
    rotated = _turned_alike(strassen(), 0.3)
    assert all(is_invariant(rotated, element) for element in group)
    space, theta = fit_orbits(rotated, group)
    exact = round_invariant(space, theta, np.random.default_rng(0), Stop())
    assert exact is not None
    assert exact.ring.is_exact_for_reals
    assert all(is_invariant(exact, element) for element in group)


def test_an_invariant_minimum_that_is_no_solution_is_refused() -> None:
    group = named_subgroups(Format(2, 2, 2))["Z3"]
    space = parametrise(group, [(orbit_types(group)[0], 2)])
    theta = space.random_point(np.random.default_rng(0))
    assert round_invariant(space, theta, np.random.default_rng(0), Stop()) is None


def _turned_alike(encoder: TileEncoder, angle: float) -> TileEncoder:
    """X → QᵀXQ and so on with one rotation Q: still invariant under rotation of the roles of X, W and Y."""
    q = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    u, v, w = (np.einsum("sij,ia,jb->sab", f.reshape(-1, 2, 2), q, q).reshape(-1, 4) for f in encoder.factors)
    return TileEncoder(encoder.format, u, v, w.T)
