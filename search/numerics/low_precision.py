"""Rounding to the floating-point formats of hardware, bit for bit, from float64."""

from __future__ import annotations

from math import ldexp
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra import Precision
from stl_algebra.compiled import njit

Array = NDArray[np.float64]


class _Range(NamedTuple):
    """The exponent of the smallest normal number, the largest finite number, and what lies beyond it."""

    least_exponent: int
    largest: float
    beyond: float


_RANGES = {
    "fp32": _Range(-126, ldexp(2 - 2.0**-23, 127), np.inf),
    "tf32": _Range(-126, ldexp(2 - 2.0**-10, 127), np.inf),
    "bf16": _Range(-126, ldexp(2 - 2.0**-7, 127), np.inf),
    "fp16": _Range(-14, 65504.0, np.inf),
    "fp8-e4m3": _Range(-6, 448.0, np.nan),  # E4M3FN: no infinity
}


def rounded(values: ArrayLike, precision: str | Precision) -> Array:
    """Values rounded to nearest, ties to even, in a format of `PRECISIONS`; subnormals and overflow included.

    Beyond the largest finite number comes infinity, in fp8-e4m3 (the OCP format E4M3FN) NaN. One rounding,
    straight from float64, so there is no double rounding. Shape as given, at most float64.

    >>> rounded([1.0, 1.005, 3.14159], "bf16").tolist()
    [1.0, 1.0078125, 3.140625]

    Source: IEEE 754-2019, §4.3.1; Micikevicius et al., FP8 formats for deep learning, 2022.
    """
    precision = Precision.parse(precision)
    limits = _RANGES[precision.name]
    flat = np.array(values, dtype=np.float64)
    _round(flat.ravel(), precision.significand_bits, limits.least_exponent, limits.largest, limits.beyond)
    return flat


@njit(cache=True)
def _round(values: Array, bits: int, least_exponent: int, largest: float, beyond: float) -> None:
    """Round in place to a multiple of 2^(e − bits + 1), with e the exponent of the number or the least one."""
    smallest = 2.0**least_exponent
    for k in range(len(values)):
        x = values[k]
        if not np.isfinite(x) or x == 0.0:
            if np.isinf(x):
                values[k] = np.copysign(beyond, x)
            continue
        exponent = least_exponent if abs(x) < smallest else int(np.floor(np.log2(abs(x))))
        # log2 can be one off next to a power of two.
        if abs(x) >= 2.0 ** (exponent + 1):
            exponent += 1
        elif exponent > least_exponent and abs(x) < 2.0**exponent:
            exponent -= 1
        quantum = 2.0 ** (exponent - bits + 1)
        nearest = np.rint(x / quantum) * quantum  # powers of two: both steps are exact, rint takes ties to even
        values[k] = np.copysign(beyond, x) if abs(nearest) > largest else nearest
