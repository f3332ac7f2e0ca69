"""Elimination over GF(2), and lifting from GF(2) to Z and Q."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.flip_graph import Scheme, Walking, descend, lift, wandered
from search.flip_graph.elimination import ColumnSpace, pack
from search.flip_graph.hensel import reconstruct
from search.stop import NEVER, Stop
from stl_algebra import Format, Ring, strassen
from stl_algebra.schemes import laderman
from tests.search.flip_graph.conftest import classical_scheme, seeds


@settings(max_examples=60)
@given(seeds, st.integers(1, 90), st.integers(1, 150))
def test_solutions_solve(seed: int, columns: int, equations: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((columns, equations)) < 0.3
    space = ColumnSpace(matrix)
    wanted = np.bitwise_xor.reduce(matrix[rng.random(columns) < 0.5], axis=0, initial=False)
    solution = space.solve(wanted)
    assert solution is not None
    assert np.array_equal(np.bitwise_xor.reduce(matrix[solution], axis=0, initial=False), wanted)


@settings(max_examples=60)
@given(seeds, st.integers(1, 12), st.integers(1, 12))
def test_no_solution_where_there_is_none(seed: int, columns: int, equations: int) -> None:
    """Against all sums of columns."""
    rng = np.random.default_rng(seed)
    matrix, right = rng.random((columns, equations)) < 0.4, rng.random(equations) < 0.5
    choices = (np.arange(2**columns)[:, None] >> np.arange(columns)) & 1
    sums = choices @ matrix.astype(int) % 2
    space = ColumnSpace(matrix)
    assert len({row.tobytes() for row in sums}) == 2**space.rank
    assert (space.solve(right) is not None) == bool((sums == right).all(axis=1).any())


def test_earlier_columns_are_preferred() -> None:
    matrix = np.array([[True, True], [True, False], [False, True]])
    solution = ColumnSpace(matrix).solve(np.array([False, True]))
    assert solution is not None
    assert solution.tolist() == [True, True, False]


def test_packing() -> None:
    bits = np.zeros((1, 130), dtype=bool)
    bits[0, [0, 63, 64, 129]] = True
    assert pack(bits).tolist() == [[1 + 2**63, 1, 2]]


@given(st.integers(-(2**29), 2**29), st.integers(0, 2**28).map(lambda k: 2 * k + 1))
def test_fractions_are_reconstructed(numerator: int, denominator: int) -> None:
    modulus = 2**62
    fraction = Fraction(numerator, denominator)
    assert reconstruct(numerator * pow(denominator, -1, modulus), modulus) == fraction


def test_a_residue_of_no_small_fraction() -> None:
    found = [reconstruct(residue, 2**6) for residue in range(2**6)]
    assert None in found
    for residue, fraction in enumerate(found):
        assert fraction is None or (fraction.numerator - residue * fraction.denominator) % 2**6 == 0


@pytest.mark.parametrize("sides", [(2, 2, 2), (3, 3, 3)])
def test_known_schemes_come_back_from_their_residues(sides: tuple[int, int, int]) -> None:
    encoder = strassen() if sides == (2, 2, 2) else laderman()
    scheme = Scheme.of(encoder, Ring.GF2)
    assert scheme is not None
    lifted = lift(scheme, np.random.default_rng(0))
    assert lifted is not None
    assert lifted.ring is Ring.Z
    assert Scheme.of(lifted, Ring.GF2).encoder == scheme.encoder  # type: ignore[union-attr]


def test_schemes_found_over_gf2_are_lifted_to_schemes_of_the_same_residues() -> None:
    *_, scheme = descend(classical_scheme(Format(2, 3, 3), Ring.GF2), np.random.default_rng(0), NEVER, Walking(), 15)
    lifted = None
    rng = np.random.default_rng(1)
    for _ in range(20):
        scheme = wandered(scheme, rng, NEVER, Walking(length=20_000))
        encoder = lift(scheme, rng)
        if encoder is None:
            continue
        lifted = encoder
        assert encoder.rank == 15
        assert encoder.ring.is_exact_for_reals
        assert Scheme.of(encoder, Ring.GF2).encoder == scheme.encoder  # type: ignore[union-attr]
    assert lifted is not None


def test_a_product_three_times_over() -> None:
    """1 + 1 + 1 is 1 modulo 2: the lift finds three numbers that add up to 1."""
    triple = Scheme(Format(1, 1, 1), (np.ones((3, 1), np.int8),) * 3, Ring.GF2)
    lifted = lift(triple, np.random.default_rng(0))
    assert lifted is not None
    assert lifted.rank == 3


def test_a_stopped_lift_gives_nothing() -> None:
    scheme = classical_scheme(Format(2, 2, 2), Ring.GF2)
    assert lift(scheme, np.random.default_rng(0), Stop(trials=0)) is None
