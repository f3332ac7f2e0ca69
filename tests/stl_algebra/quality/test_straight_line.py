"""Straight-line programs compute exactly the matrix they were made for."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stl_algebra import InvalidInput, TileEncoder, strassen
from stl_algebra.quality import Step, StraightLineProgram, programs
from stl_algebra.quality.additions import coefficient_rows, without_sharing
from stl_algebra.quality.elimination import eliminated, greedy, transposed_rows
from stl_algebra.quality.straight_line import Row
from stl_algebra.schemes import bini, laderman, winograd

COEFFICIENTS = st.sampled_from([Fraction(0)] * 3 + [Fraction(k, d) for k in (-2, -1, 1, 3) for d in (1, 3)])


@st.composite
def matrices(draw: st.DrawFn) -> tuple[list[Row], int]:
    """A sparse matrix of small fractions, as rows, and its number of columns."""
    columns = draw(st.integers(1, 6))
    dense = draw(st.lists(st.lists(COEFFICIENTS, min_size=columns, max_size=columns), min_size=1, max_size=7))
    return [{j: v for j, v in enumerate(row) if v} for row in dense], columns


@given(matrices(), st.integers(0, 99))
def test_elimination_keeps_the_matrix(matrix: tuple[list[Row], int], seed: int) -> None:
    rows, columns = matrix
    for generator in (None, np.random.default_rng(seed)):
        program = greedy(rows, columns, generator)
        assert program.expanded() == rows
        assert program.additions <= without_sharing(rows)
    distinct = {tuple((j, v / next(iter(row.values()))) for j, v in row.items()) for row in rows if len(row) > 1}
    assert len(distinct) <= eliminated(rows, columns, 2, seed).additions <= without_sharing(rows)


@given(matrices(), st.integers(0, 99))
def test_a_program_run_backwards_computes_the_transpose(matrix: tuple[list[Row], int], seed: int) -> None:
    rows, columns = matrix
    program = greedy(rows, columns, np.random.default_rng(seed))
    assert program.transposed().expanded() == transposed_rows(rows, columns)
    used = {j for row in rows for j in row}
    assert program.transposed().additions == program.additions + sum(map(bool, rows)) - len(used)


@pytest.mark.parametrize("encoder", [strassen(), winograd(), laderman(), bini().at(0.1)], ids=str)
def test_programs_are_the_encoder_and_deterministic(encoder: TileEncoder) -> None:
    found = programs(encoder, restarts=3, seed=5)
    assert tuple(program.expanded() for program in found) == coefficient_rows(encoder)
    assert found == programs(encoder, restarts=3, seed=5)
    assert found.additions == sum(program.additions for program in found)


def test_a_program_runs_on_blocks() -> None:
    """The product of two matrices, block by block, from the steps alone."""
    rng = np.random.default_rng(0)
    x, w = rng.integers(-5, 6, (2, 4, 3, 3))

    def run(program: StraightLineProgram, values: list[np.ndarray]) -> list[np.ndarray]:
        values = list(values)
        for step in program.steps:
            values.append(int(step.a) * values[step.x] + int(step.b) * values[step.y])
        return [values[out[0]] * int(out[1]) for out in program.outputs if out is not None]

    found = programs(winograd())
    products = [a @ b for a, b in zip(run(found.encode_x, list(x)), run(found.encode_w, list(w)), strict=True)]
    y = run(found.decode, products)
    full_x, full_w = np.block([[x[0], x[1]], [x[2], x[3]]]), np.block([[w[0], w[1]], [w[2], w[3]]])
    assert np.array_equal(np.block([[y[0], y[1]], [y[2], y[3]]]), full_x @ full_w)


def test_what_is_no_program() -> None:
    one = Fraction(1)
    with pytest.raises(InvalidInput, match="step 0 of the program uses a variable that comes after it"):
        StraightLineProgram(2, (Step(0, 2, one, one),), ())
    with pytest.raises(InvalidInput, match="no variable"):
        StraightLineProgram(2, (), ((2, one),))
    with pytest.raises(InvalidInput, match="does not compute the matrix"):
        StraightLineProgram(2, (), ((0, one),)).check([{1: one}])


def test_scalings_are_counted() -> None:
    program = StraightLineProgram(2, (Step(0, 1, Fraction(1), Fraction(-2)),), ((2, Fraction(-1)), (0, Fraction(1, 2))))
    assert (program.additions, program.scalings) == (1, 2)
