"""The ring in which an encoder's coefficients are exact."""

from __future__ import annotations

from enum import StrEnum
from math import lcm

import numpy as np

from stl_algebra.errors import InvalidInput

#: Exact numerators stay below this: from here on, two fractions over one denominator can share a float64.
MAX_NUMERATOR = 2**51


class Ring(StrEnum):
    """Where the Brent equations of an encoder hold: over Z, Z[1/2], Q or GF(2), or (R) not exactly.

    >>> Ring.of_denominators((1, 4, 2)).value
    'Z[1/2]'
    """

    Z = "Z"
    DYADIC = "Z[1/2]"
    Q = "Q"
    GF2 = "GF(2)"
    R = "R"

    @property
    def is_exact(self) -> bool:
        """Whether an encoder with this ring satisfies the Brent equations (over GF(2): modulo 2)."""
        return self is not Ring.R

    @property
    def is_exact_for_reals(self) -> bool:
        """Whether an encoder with this ring computes real matrix products exactly."""
        return self in (Ring.Z, Ring.DYADIC, Ring.Q)

    @classmethod
    def of_denominators(cls, denominators: tuple[int, ...]) -> Ring:
        """The smallest of Z, Z[1/2] and Q that holds fractions with these denominators."""
        common = lcm(*denominators)
        if common == 1:
            return cls.Z
        return cls.DYADIC if common & (common - 1) == 0 else cls.Q

    @classmethod
    def parse(cls, name: str) -> Ring:
        """The ring of a name. Raises InvalidInput for an unknown one."""
        try:
            return cls(name)
        except ValueError:
            raise InvalidInput(f"unknown ring {name!r}; choose one of {', '.join(cls)}") from None


def numerators(values: np.ndarray, denominator: int) -> np.ndarray | None:
    """The integers k (float64) with values = k / denominator to the last bit, or None where there are none.

    Division is correctly rounded, and below MAX_NUMERATOR the rounded product values · denominator is
    within half a unit of k, so a float64 that stands for a fraction is recognised exactly.

    >>> numerators(np.array([1 / 3, -2.0]), 3)
    array([ 1., -6.])
    """
    integers = np.rint(values * denominator)
    if np.all(np.abs(integers) < MAX_NUMERATOR) and np.array_equal(integers / denominator, values):
        return integers
    return None
