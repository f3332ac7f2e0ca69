"""What a search keeps to start from: the best, of those that are alike one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search.local.hopping import BestOfRank
from search.local.similarity import similar
from search.problem import Problem
from search.running.pool import CAPACITY, Pool
from stl_algebra import Format, TileEncoder, classical


def test_a_pool_keeps_the_best_and_drops_lookalikes() -> None:
    format = Format(2, 2, 2)
    problem = Problem(format, 4)
    pool = Pool(problem)
    rng = np.random.default_rng(0)
    encoders = [
        TileEncoder(format, *(rng.standard_normal((4, 4)) for _ in range(2)), rng.standard_normal((4, 4)))
        for _ in range(CAPACITY + 5)
    ]
    for encoder in encoders:
        pool.add(encoder)
        assert not pool.add(encoder)
    kept = pool.near(4)
    assert sorted(map(problem.cost, kept)) == sorted(map(problem.cost, encoders))[:CAPACITY]
    best = kept[0]
    nudged = TileEncoder(format, best.encode_x * (1 + 1e-7), best.encode_w, best.decode)
    worse, better = sorted([best, nudged], key=problem.cost)[::-1]
    pool = Pool(problem, [worse])
    assert pool.add(better)
    assert pool.near(4) == (better,)  # of two that are nearly the same, the better one
    pool.add(classical(format))
    assert classical(format) in pool.near(1)  # exact ones are for every rank


def test_a_worker_is_given_the_best_of_every_rank_and_of_lower_ones_more() -> None:
    format, rng = Format(3, 3, 3), np.random.default_rng(0)
    ranks = (5, 5, 5, 5, 9, 20, 20)
    encoders = [
        TileEncoder(
            format, rng.standard_normal((rank, 9)), rng.standard_normal((rank, 9)), rng.standard_normal((9, rank))
        )
        for rank in ranks
    ]
    problem = Problem(format, 9)
    given = Pool(problem, encoders).near(9)
    assert sorted(one.rank for one in given) == [5, 5, 5, 9, 20]
    lower, higher = encoders[:4], encoders[5:]
    assert max(lower, key=problem.cost) not in given
    assert min(higher, key=problem.cost) in given


def test_lookalikes_are_of_one_family() -> None:
    """At low ranks families come to nearly the same cost with growths far apart: here by products that cancel."""
    problem, rng = Problem(Format(2, 2, 2), 6), np.random.default_rng(0)
    u, v, w = (np.concatenate([f[:4], np.zeros((2, 4))]) for f in classical(problem.format).factors)
    one, nudged = (TileEncoder(problem.format, u, v, s * w.T) for s in (1.0, 0.9999))
    for factor in (u, v, w):
        factor[4:] = rng.standard_normal(4)
    w[5] *= -1
    grown = TileEncoder(problem.format, u, v, w.T)
    assert problem.cost(grown) == pytest.approx(problem.cost(one), rel=1e-3)
    assert grown.growth > 2 * one.growth
    assert similar(problem, one, nudged)
    assert not similar(problem, one, grown)
    best = BestOfRank(replace(problem, known=(one, nudged)))
    assert best.encoders == [one]
    best.add(nudged)
    assert best.encoders == [one]
    best.add(grown)
    assert best.encoders == [one, grown]
    assert len(Pool(problem, [one, nudged, grown]).of_rank(6)) == 2
