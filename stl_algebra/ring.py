"""The ring in which an encoder's coefficients are exact."""

from __future__ import annotations

from enum import StrEnum
from math import lcm

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput

#: Exact numerators stay below this: from here on, two fractions over one denominator can share a float64.
MAX_NUMERATOR = 2**51


class Ring(StrEnum):
    """The ring over which an encoder is exact: Z, Z[1/2], Q or GF(2), or R for an approximate encoder.

    Examples
    --------
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
        """Whether an encoder over this ring satisfies the Brent equations; over GF(2) modulo 2."""
        return self is not Ring.R

    @property
    def is_exact_for_reals(self) -> bool:
        """Whether an encoder over this ring computes real matrix products exactly."""
        return self in (Ring.Z, Ring.DYADIC, Ring.Q)

    @classmethod
    def of_denominators(cls, denominators: tuple[int, ...]) -> Ring:
        """Find the smallest of Z, Z[1/2] and Q that holds fractions with given denominators.

        Parameters
        ----------
        denominators : tuple of int
            Positive denominators.

        Returns
        -------
        Ring
            The ring.
        """
        common = lcm(*denominators)
        if common == 1:
            return cls.Z
        return cls.DYADIC if common & (common - 1) == 0 else cls.Q

    @classmethod
    def parse(cls, name: str) -> Ring:
        """Look up a ring by name.

        Parameters
        ----------
        name : str
            The name, such as ``"Z[1/2]"``.

        Returns
        -------
        Ring
            The ring.

        Raises
        ------
        InvalidInput
            If no ring has this name.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidInput(f"unknown ring {name!r}; choose one of {', '.join(cls)}") from None


def numerators(values: NDArray[np.float64], denominator: int) -> NDArray[np.float64] | None:
    """Recover the integers k with values = k / denominator, exact to the last bit.

    Parameters
    ----------
    values : ndarray of float64
        The values, of any shape.
    denominator : int
        The common denominator, positive.

    Returns
    -------
    ndarray of float64 or None
        The integers k, of the shape of `values`, or None if a value is not such a fraction.

    Notes
    -----
    Division is correctly rounded, and below MAX_NUMERATOR the rounded product values · denominator lies within half a
    unit of k. So a float64 that stands for a fraction is recognised exactly.

    Examples
    --------
    >>> numerators(np.array([1 / 3, -2.0]), 3)
    array([ 1., -6.])
    """
    integers: NDArray[np.float64] = np.rint(values * denominator)
    if np.all(np.abs(integers) < MAX_NUMERATOR) and np.array_equal(integers / denominator, values):
        return integers
    return None
