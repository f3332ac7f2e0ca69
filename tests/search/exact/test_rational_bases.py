"""A solution in any bases is rational in bases of its own lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.exact.rational_bases import in_bases_of_lines
from search.exact.rounding import round_to_exact
from search.numerics.objective import Factors, Objective
from search.problem import Problem
from search.running.exploration import run_trial
from search.stop import Stop
from search.trial import Trial
from stl_algebra import Format, TileEncoder, classical, kronecker, strassen
from tests.search.minima import near_solution

#: A change of basis of order four on each space, of its own; the orbits of ⟨2,4,5⟩:32 under it have four products.
OF_ORDER_FOUR = "1 -2, 4 -1 -2 -3, 2 5 -3 1 4"


def in_other_bases(encoder: TileEncoder, rng: np.random.Generator) -> Factors:
    """The same encoder after a random change of the three bases, its products scaled at random too."""
    n, m, p = encoder.format
    bases = [np.linalg.qr(rng.standard_normal((k, k)))[0] * rng.uniform(0.6, 1.6, k) for k in (n, m, p)]
    u, v, w = encoder.factors
    matrices = u.reshape(-1, n, m), v.reshape(-1, m, p), w.reshape(-1, n, p).transpose(0, 2, 1)
    first, second, third = (bases[i] @ matrix @ np.linalg.inv(bases[(i + 1) % 3]) for i, matrix in enumerate(matrices))
    scale = rng.uniform(0.5, 2.0, encoder.rank)[:, None]
    return first.reshape(u.shape) * scale, second.reshape(v.shape) / scale, third.transpose(0, 2, 1).reshape(w.shape)


@pytest.mark.parametrize("scheme", [strassen, lambda: kronecker(strassen(), classical(Format(1, 1, 2)))])
@pytest.mark.parametrize("seed", range(3))
def test_schemes_are_exact_again_in_bases_of_their_own(scheme: Callable[[], TileEncoder], seed: int) -> None:
    rng = np.random.default_rng(seed)
    factors = in_other_bases(scheme(), rng)
    found = round_to_exact(scheme().format, factors, rng, Stop())
    assert found is not None
    assert found.rank == scheme().rank
    assert found.ring.is_exact_for_reals


@given(st.integers(0, 2**32 - 1))
def test_what_comes_back_is_as_good_a_solution(seed: int) -> None:
    rng = np.random.default_rng(seed)
    exact = Objective(Format(2, 2, 2), 0.0)
    moved = in_bases_of_lines(exact.format, in_other_bases(strassen(), rng), rng)
    assert moved is not None
    assert exact.value(moved) < 1e-16


def test_without_lines_there_are_no_bases() -> None:
    rng = np.random.default_rng(0)
    u, v, w = (rng.standard_normal((23, 9)) for _ in range(3))
    assert in_bases_of_lines(Format(3, 3, 3), (u, v, w), rng) is None


def test_lines_that_do_not_fix_the_scales_give_no_bases() -> None:
    """All lines of the classical scheme are coordinate axes: they leave the lengths of the basis vectors open."""
    u, v, w = classical(Format(2, 2, 2)).factors
    assert in_bases_of_lines(Format(2, 2, 2), (u, v, w), np.random.default_rng(0)) is None


def test_rank_32_of_2x4x5_is_exact_in_bases_of_its_own() -> None:
    """A minimum that a random start came to among the encoders with eight orbits of four."""
    problem = Problem(Format(2, 4, 5), 32)
    parent = near_solution(problem.format, 32, OF_ORDER_FOUR)
    assert not parent.exact
    trial = Trial("signed", problem, "polish", (parent,), {"group": OF_ORDER_FOUR, "worth": 0.05})
    exact = [candidate.encoder for candidate in run_trial(trial, Stop()) if candidate.encoder.exact]
    assert exact
    assert exact[0].rank == 32
    assert exact[0].ring.is_exact_for_reals
