"""Floating-point precisions and the rms relative error of rounding to them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

from stl_algebra.errors import InvalidInput


@dataclass(frozen=True)
class Precision:
    """A floating-point precision of the encoded operands.

    Parameters
    ----------
    name : str
        The name, such as ``"bf16"``.
    significand_bits : int
        The number of significand bits; the implicit one counts.

    Examples
    --------
    >>> round(Precision.parse("bf16").rounding, 6)
    0.001659
    """

    name: str
    significand_bits: int

    @property
    def rounding(self) -> float:
        """The rms relative error δ of rounding to nearest.

        Underflow and overflow are left out.

        Notes
        -----
        The spacing of numbers is 2^(1−p) in [1, 2), the absolute error is uniform in half a spacing, and significands
        follow Benford's law (E[1/x²] = 3 / (8 ln 2)), so δ = 2^(−p) / √(8 ln 2).

        References
        ----------
        .. [1] Goldberg, What every computer scientist should know about floating-point arithmetic, 1991 (spacing).
        .. [2] Hamming, On the distribution of numbers, 1970 (significands).
        """
        return 2.0**-self.significand_bits / sqrt(8 * log(2))

    @classmethod
    def parse(cls, name: str | Precision) -> Precision:
        """Look up a precision by name.

        Parameters
        ----------
        name : str or Precision
            A name in any case; ``fp8`` stands for ``fp8-e4m3``. A precision is returned as it is.

        Returns
        -------
        Precision
            The precision.

        Raises
        ------
        InvalidInput
            If no precision has this name.
        """
        if isinstance(name, Precision):
            return name
        canonical = {"fp8": "fp8-e4m3"}.get(name.lower(), name.lower())
        if canonical not in PRECISIONS:
            raise InvalidInput(f"unknown precision {name!r}; choose one of {', '.join(PRECISIONS)}")
        return PRECISIONS[canonical]

    def __str__(self) -> str:
        return self.name


#: Every precision a score can be asked for, by name; significand bits count the implicit one.
PRECISIONS: dict[str, Precision] = {
    precision.name: precision
    for precision in (
        Precision("fp32", 24),
        Precision("tf32", 11),
        Precision("fp16", 11),
        Precision("bf16", 8),
        Precision("fp8-e4m3", 4),
    )
}
