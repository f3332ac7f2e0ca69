"""Floating-point precisions and the rms relative error of rounding to them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

from stl_algebra.errors import InvalidInput


@dataclass(frozen=True)
class Precision:
    """A floating-point precision for the encoded operands: its name and its significand bits.

    >>> round(Precision.parse("bf16").rounding, 6)
    0.001659
    """

    name: str
    significand_bits: int

    @property
    def rounding(self) -> float:
        """δ, the rms relative error of rounding to nearest.

        Spacing is 2^(1−p) in [1, 2), the absolute error uniform in half a spacing, and significands
        follow Benford's law (E[1/x²] = 3 / (8 ln 2)), so δ = 2^(−p) / √(8 ln 2). Underflow and
        overflow are left out.

        Source: Goldberg, What every computer scientist should know about floating-point arithmetic, 1991
        (spacing); Hamming, On the distribution of numbers, 1970 (significands).
        """
        return 2.0**-self.significand_bits / sqrt(8 * log(2))

    @classmethod
    def parse(cls, name: str | Precision) -> Precision:
        """The precision of a name; ``fp8`` stands for ``fp8-e4m3``. Raises InvalidInput for an unknown one."""
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
