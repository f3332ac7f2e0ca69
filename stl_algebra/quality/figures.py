"""All figures by which an encoder is judged, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.quality.additions import Additions, count_additions
from stl_algebra.quality.alternative_basis import alternative_basis
from stl_algebra.quality.stability import Stability, omega, stability
from stl_algebra.ring import Ring

#: More different coefficients than this are counted, not listed.
MOST_COEFFICIENTS = 32
#: The work spent on eliminating subexpressions: nonzeros times restarts.
EFFORT = 6000


@dataclass(frozen=True)
class Figures:
    """The figures of an encoder beside its rank, error and growth.

    Parameters
    ----------
    nonzeros : tuple of three int
        The nonzero coefficients of E_X, E_W and D.
    coefficients : tuple of str
        The different nonzero coefficients as fractions, in ascending order; empty if it is approximate or there are
        more than MOST_COEFFICIENTS.
    denominators : tuple of three int
        The denominators of E_X, E_W and D.
    additions : Additions
        The additions of one tile product, without and with common subexpressions shared.
    alternative : tuple of four int or None
        In an alternative basis: the nonzeros of the three cores, the additions of one level of a recursion without and
        with sharing, and those of the changes of basis; None unless the encoder is exact for real numbers.
    leading : tuple of two float or None
        The leading coefficients of the operations of a recursion, 1 + a / (r − n²) for a additions a level, in the
        standard and in the alternative basis; None unless the encoder is exact for real numbers, of a cube, and r > n².
    stability : Stability or None
        The stability figures; None over GF(2).
    omega : float
        3 log r / log(n·m·p).
    """

    nonzeros: tuple[int, int, int]
    coefficients: tuple[str, ...]
    denominators: tuple[int, int, int]
    additions: Additions
    alternative: tuple[int, int, int, int] | None
    leading: tuple[float, float] | None
    stability: Stability | None
    omega: float

    def as_json(self) -> dict[str, Any]:
        """Give the figures as a JSON object.

        Returns
        -------
        dict
            Numbers, lists and null by name; what is infinite is null.
        """
        names = ("nonzeros", "naive", "total", "transformations")
        return {
            "nonzeros": list(self.nonzeros),
            "coefficients": list(self.coefficients),
            "denominators": list(self.denominators),
            "additions": {**self.additions._asdict(), "total": self.additions.total},
            "alternative_basis": self.alternative and dict(zip(names, self.alternative, strict=True)),
            "leading_coefficients": self.leading
            and dict(zip(("standard", "alternative_basis"), self.leading, strict=True)),
            "stability": self.stability
            and {name: value if isfinite(value) else None for name, value in self.stability._asdict().items()},
            "omega": self.omega if isfinite(self.omega) else None,
        }


def figures(encoder: TileEncoder, seed: int = 0) -> Figures:
    """Compute all figures of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    seed : int, default 0
        The seed of the searches for few additions. The same seed gives the same figures.

    Returns
    -------
    Figures
        The figures.

    Examples
    --------
    >>> from stl_algebra.schemes import winograd
    >>> found = figures(winograd())
    >>> found.additions.naive, found.additions.total, found.alternative
    (24, 15, (30, 12, 12, 8))
    """
    x, w, d = (int(np.count_nonzero(factor)) for factor in (encoder.encode_x, encoder.encode_w, encoder.decode))
    restarts = min(40, EFFORT // (x + w + d)) if encoder.exact else 0  # numbers that were fitted share nothing
    additions = count_additions(encoder, restarts, seed)
    alternative, leading = None, None
    if encoder.ring.is_exact_for_reals:
        found = alternative_basis(encoder, restarts, seed)
        alternative = (found.nonzeros, found.naive, found.additions, found.transformations)
        n, more = encoder.format.n, encoder.rank - encoder.format.n**2
        if encoder.format.is_cube and more > 0 and n > 1:
            leading = (1 + additions.total / more, 1 + found.additions / more)
    return Figures(
        nonzeros=(x, w, d),
        coefficients=_coefficients(encoder),
        denominators=encoder.denominators,
        additions=additions,
        alternative=alternative,
        leading=leading,
        stability=None if encoder.ring is Ring.GF2 else stability(encoder),
        omega=omega(encoder.format, encoder.rank),
    )


def _coefficients(encoder: TileEncoder) -> tuple[str, ...]:
    if not encoder.exact:
        return ()
    found = {Fraction(v) for matrix in encoder.exact_coefficients() for row in matrix for v in row if v}
    return tuple(map(str, sorted(found))) if len(found) <= MOST_COEFFICIENTS else ()
