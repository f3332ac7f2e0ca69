"""Schemes whose additions are shared: straight-line programs, expanded exactly into coefficients.

A program computes fresh sums of its inputs, each of inputs and of sums before it, and then its outputs from both. What
it spares is kept beside the coefficients, in the provenance of the encoder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from catalog.interchange.scheme import LIMIT, Rows
from stl_algebra.errors import InvalidInput

#: Coefficients by index: of an input, or from the number of inputs on of a fresh sum.
Sum = Mapping[int, Fraction]

#: How many terms may be added while a program is expanded, and how long one may be as JSON to be kept.
MAX_TERMS = 1 << 22
MAX_KEPT = 1 << 18


@dataclass(frozen=True)
class Program:
    """A straight-line program of sums.

    Parameters
    ----------
    inputs : int
        The number of inputs.
    fresh : sequence of mapping
        The fresh sums. Index inputs + i stands for fresh sum i.
    outputs : sequence of mapping
        The outputs.

    Examples
    --------
    >>> one = Fraction(1)
    >>> program = Program(2, [{0: one, 1: one}], [{2: one, 1: -one}])
    >>> program.expanded("u")
    [[Fraction(1, 1), Fraction(0, 1)]]
    """

    inputs: int
    fresh: Sequence[Sum]
    outputs: Sequence[Sum]

    def expanded(self, name: str) -> Rows:
        """Give the coefficients of the outputs over the inputs alone.

        Parameters
        ----------
        name : str
            What messages call the program.

        Returns
        -------
        list of list of Fraction
            A row an output, of as many entries as there are inputs.

        Raises
        ------
        InvalidInput
            If an index is out of range, a sum refers to itself or to a later one, or a coefficient becomes too large.
        """
        known: list[Sum] = []
        budget = MAX_TERMS
        for number, one in enumerate(self.fresh):
            if late := [index for index in one if index >= self.inputs + number]:
                raise InvalidInput(f"fresh sum {number} of {name} refers to {min(late)}, not defined before it")
            total, budget = self._total(one, known, budget, name)
            known.append(total)
        zero = Fraction(0)
        rows = []
        for one in self.outputs:
            if wrong := [index for index in one if not 0 <= index < self.inputs + len(known)]:
                raise InvalidInput(f"a row of {name} refers to {wrong[0]}, which is no entry and no fresh sum")
            total, budget = self._total(one, known, budget, name)
            rows.append([total.get(index, zero) for index in range(self.inputs)])
        return rows

    def as_json(self) -> dict[str, Any]:
        """Give the program as JSON: every sum as a list of pairs of an index and a coefficient.

        Returns
        -------
        dict
            The keys inputs, fresh and outputs.
        """
        return {"inputs": self.inputs, "fresh": _pairs(self.fresh), "outputs": _pairs(self.outputs)}

    def _total(self, one: Sum, known: Sequence[Sum], budget: int, name: str) -> tuple[Sum, int]:
        """One sum over the inputs alone, and what is left of the budget."""
        total: dict[int, Fraction] = {}
        for index, factor in one.items():
            if index < 0:
                raise InvalidInput(f"a sum of {name} refers to the negative index {index}")
            inner = {index: Fraction(1)} if index < self.inputs else known[index - self.inputs]
            budget -= len(inner) + 1
            if budget < 0:
                raise InvalidInput(f"its sums of {name} unfold to more than {MAX_TERMS} terms")
            for place, value in inner.items():
                total[place] = sum_so_far = total.get(place, 0) + factor * value
                if abs(sum_so_far.numerator) >= LIMIT or sum_so_far.denominator >= LIMIT:
                    raise InvalidInput(f"a coefficient of {name} is too large: it stays below 2^53")
        return total, budget


def kept(programs: Mapping[str, Program]) -> dict[str, Any]:
    """Give what the provenance keeps of the programs of a scheme.

    Parameters
    ----------
    programs : mapping of str to Program
        By the name of the factor.

    Returns
    -------
    dict
        The programs under "additions", or a sentence if they are too long.
    """
    content = {name: program.as_json() for name, program in programs.items()}
    if len(json.dumps(content)) > MAX_KEPT:
        return {"additions": f"left out: as JSON they take more than {MAX_KEPT} bytes"}
    return {"additions": content}


def _pairs(sums: Sequence[Sum]) -> list[list[list[int | str]]]:
    return [
        [[index, value.numerator if value.denominator == 1 else str(value)] for index, value in one.items()]
        for one in sums
    ]
