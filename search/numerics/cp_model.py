"""The CP problem without symmetry as a Levenberg–Marquardt model."""

from __future__ import annotations

from dataclasses import dataclass

from search.numerics.levenberg_marquardt import Point
from search.numerics.normal_equations import NormalEquations
from search.numerics.objective import Objective
from stl_algebra import balance_factors


@dataclass(frozen=True)
class CPModel:
    """F over the three factors (u, v, w), one row a product, of any format and rank.

    >>> from stl_algebra import Format, strassen
    >>> CPModel(Objective(Format(2, 2, 2), 0.0)).value(strassen().factors)
    0.0
    """

    objective: Objective

    def value(self, point: Point) -> float:
        u, v, w = point
        return self.objective.value((u, v, w))

    def linearise(self, point: Point) -> NormalEquations:
        u, v, w = point
        value, gradient = self.objective.value_and_gradient((u, v, w))
        return NormalEquations((u, v, w), value, gradient, self.objective.penalty)

    def normalise(self, point: Point) -> Point:
        u, v, w = point
        return balance_factors(u, v, w)
