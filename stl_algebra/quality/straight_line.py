"""Straight-line programs: a linear map as a sequence of additions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from stl_algebra.errors import InvalidInput

#: One row of an exact matrix: the nonzero coefficients by column.
Row = dict[int, Fraction]


class Step(NamedTuple):
    """One addition: a new variable a·x + b·y.

    Parameters
    ----------
    x : int
        The first variable.
    y : int
        The second variable.
    a : Fraction
        The coefficient of the first.
    b : Fraction
        The coefficient of the second.
    """

    x: int
    y: int
    a: Fraction
    b: Fraction


@dataclass(frozen=True)
class StraightLineProgram:
    """A linear map y = M x as a sequence of additions of two scaled variables.

    Variables 0 … inputs − 1 are the entries of x; step number k makes variable inputs + k.

    Parameters
    ----------
    inputs : int
        The number of entries of x.
    steps : tuple of Step
        The additions. Each uses variables that come before it.
    outputs : tuple of (int, Fraction) or None
        Each entry of y as a variable and its coefficient; None for zero.

    Raises
    ------
    InvalidInput
        If a step or output uses a variable that does not come before it.

    Examples
    --------
    >>> one = Fraction(1)
    >>> program = StraightLineProgram(2, (Step(0, 1, one, -one),), ((2, one), (2, -one)))
    >>> program.additions, [sorted(row.items()) for row in program.expanded()] == [[(0, 1), (1, -1)], [(0, -1), (1, 1)]]
    (1, True)
    """

    inputs: int
    steps: tuple[Step, ...]
    outputs: tuple[tuple[int, Fraction] | None, ...]

    def __post_init__(self) -> None:
        for number, step in enumerate(self.steps, self.inputs):
            if not (0 <= step.x < number and 0 <= step.y < number):
                raise InvalidInput(f"step {number - self.inputs} of the program uses a variable that comes after it")
        if any(out is not None and not 0 <= out[0] < self.inputs + len(self.steps) for out in self.outputs):
            raise InvalidInput("an output of the program is no variable")

    @property
    def additions(self) -> int:
        """The number of additions and subtractions."""
        return len(self.steps)

    @property
    def scalings(self) -> int:
        """The number of multiplications by a scalar other than 1 and −1."""
        used = [c for step in self.steps for c in (step.a, step.b)] + [out[1] for out in self.outputs if out]
        return sum(abs(c) != 1 for c in used)

    def expanded(self) -> list[Row]:
        """Multiply the program out.

        Returns
        -------
        list of dict of int to Fraction
            The rows of M: nonzero coefficients by column.
        """
        values: list[Row] = [{i: Fraction(1)} for i in range(self.inputs)]
        for x, y, a, b in self.steps:
            values.append(_sum(values[x], a, values[y], b))
        return [{} if out is None else {i: c * out[1] for i, c in values[out[0]].items()} for out in self.outputs]

    def transposed(self) -> StraightLineProgram:
        """Transpose the program, by running it backwards.

        Returns
        -------
        StraightLineProgram
            A program for Mᵀ. If every variable is used, it has as many additions, and one more for each output
            that M has more than it has inputs.

        References
        ----------
        .. [1] Bürgisser, Clausen, Shokrollahi, Algebraic Complexity Theory, 1997, Theorem 13.20.
        """
        parts: list[list[tuple[int, Fraction]]] = [[] for _ in range(self.inputs + len(self.steps))]
        for k, out in enumerate(self.outputs):
            if out is not None:
                parts[out[0]].append((k, out[1]))
        writer = ProgramWriter(len(self.outputs))
        for number in range(len(self.steps) - 1, -1, -1):
            if (made := writer.sum(parts[self.inputs + number])) is not None:
                variable, scale = made
                x, y, a, b = self.steps[number]
                parts[x].append((variable, scale * a))
                parts[y].append((variable, scale * b))
        return writer.program([writer.sum(parts[i]) for i in range(self.inputs)])

    def check(self, rows: Sequence[Row]) -> StraightLineProgram:
        """Prove that the program computes a matrix.

        Parameters
        ----------
        rows : sequence of dict of int to Fraction
            The rows of the matrix: nonzero coefficients by column.

        Returns
        -------
        StraightLineProgram
            The program itself.

        Raises
        ------
        InvalidInput
            If it computes another matrix.
        """
        if self.expanded() != list(rows):
            raise InvalidInput("the straight-line program does not compute the matrix it was made for")
        return self


class ProgramWriter:
    """A straight-line program that grows.

    Parameters
    ----------
    inputs : int
        The number of entries of x.
    """

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._steps: list[Step] = []

    def add(self, x: int, y: int, a: Fraction, b: Fraction) -> int:
        """Append the addition a·x + b·y.

        Parameters
        ----------
        x : int
            The first variable.
        y : int
            The second variable.
        a : Fraction
            The coefficient of the first.
        b : Fraction
            The coefficient of the second.

        Returns
        -------
        int
            The new variable.
        """
        self._steps.append(Step(x, y, Fraction(a), Fraction(b)))
        return self._inputs + len(self._steps) - 1

    def sum(self, parts: Sequence[tuple[int, Fraction]]) -> tuple[int, Fraction] | None:
        """Append the additions of a linear combination.

        Parameters
        ----------
        parts : sequence of (int, Fraction)
            Variables with their coefficients.

        Returns
        -------
        (int, Fraction) or None
            The variable that holds it and its coefficient; None if there are no parts.
        """
        if not parts:
            return None
        variable, scale = parts[0]
        for other, coefficient in parts[1:]:
            variable, scale = self.add(variable, other, scale, coefficient), Fraction(1)
        return variable, Fraction(scale)

    def program(self, outputs: Sequence[tuple[int, Fraction] | None]) -> StraightLineProgram:
        """End the program.

        Parameters
        ----------
        outputs : sequence of (int, Fraction) or None
            Each output as a variable and its coefficient; None for zero.

        Returns
        -------
        StraightLineProgram
            The program.
        """
        return StraightLineProgram(self._inputs, tuple(self._steps), tuple(outputs))


def _sum(x: Row, a: Fraction, y: Row, b: Fraction) -> Row:
    total = {i: c * a for i, c in x.items()}
    for i, c in y.items():
        if value := total.get(i, 0) + c * b:
            total[i] = value
        else:
            del total[i]
    return total
