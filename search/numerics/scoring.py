"""Scores of many encoders at once: relative error, growth, and from them the error at any precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.numerics.objective import Factors
from stl_algebra import Format, InvalidInput, Precision, TileEncoder, TileMoments, matmul_tensor
from stl_algebra.compiled import njit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Relative errors and growths of k encoders, each (k,), in the order they were given."""

    format: Format
    relative_error: Array
    growth: Array

    def error_at(self, precision: str | Precision) -> Array:
        """The errors when the encoded operands are rounded to a precision, (k,)."""
        delta = Precision.parse(precision).rounding
        errors: Array = self.relative_error + 2 * delta**2 * self.growth / self.format.products
        return errors


def score(encoders: Sequence[TileEncoder], weights: TileMoments | None = None) -> Scores:
    """Score encoders of one format, of any ranks; under second moments of the tiles where they are given.

    Raises InvalidInput where there are none or their formats differ.

    >>> from stl_algebra import classical, strassen
    >>> score([strassen(), classical(Format(2, 2, 2))]).growth.tolist()
    [32.0, 8.0]
    """
    if not encoders:
        raise InvalidInput("there are no encoders to score; give at least one")
    format = encoders[0].format
    if other := next((e.format for e in encoders if e.format != format), None):
        raise InvalidInput(f"encoders of formats {format} and {other} cannot be scored together; score each format")
    # One block a rank: filling up with zero products would change nothing, but cost as much as real ones.
    errors, growths = np.empty(len(encoders)), np.empty(len(encoders))
    ranks = np.array([e.rank for e in encoders])
    for rank in np.unique(ranks):
        chosen = np.flatnonzero(ranks == rank).tolist()
        factors = [encoders[k].factors if weights is None else weights.whitened(encoders[k].factors) for k in chosen]
        u, v, w = (np.stack([f[side] for f in factors]) for side in range(3))
        errors[chosen], growths[chosen] = score_factors(format, (u, v, w), weights)
    proved = [e.ring.is_exact_for_reals for e in encoders]
    return Scores(format, np.where(proved, 0.0, errors), growths)


def score_factors(format: Format, factors: Factors, weights: TileMoments | None = None) -> tuple[Array, Array]:
    """(relative errors, growths), each (k,), of factors (k, r, n·m), (k, r, m·p), (k, r, n·p).

    With weights the factors are in the whitened coordinates of TileMoments.
    """
    target = matmul_tensor(format) if weights is None else weights.target
    u, v, w = (np.ascontiguousarray(f, dtype=np.float64) for f in factors)
    errors, growths = _score(u, v, w, np.ascontiguousarray(target))
    return errors / format.products, growths


@njit(cache=True, fastmath=True)
def _score(u: Array, v: Array, w: Array, target: Array) -> tuple[Array, Array]:
    """‖R‖² and Σ ‖u_s‖² ‖v_s‖² ‖w_s‖² of each; one row of R at a time, so R is never held whole."""
    count, rank = u.shape[:2]
    size_a, size_b, size_c = target.shape
    errors, growths = np.zeros(count), np.zeros(count)
    row = np.empty(size_c)
    for k in range(count):
        for a in range(size_a):
            for b in range(size_b):
                for c in range(size_c):
                    row[c] = -target[a, b, c]
                for s in range(rank):
                    product = u[k, s, a] * v[k, s, b]
                    for c in range(size_c):
                        row[c] += product * w[k, s, c]
                for c in range(size_c):
                    errors[k] += row[c] * row[c]
        for s in range(rank):
            norm_u, norm_v, norm_w = 0.0, 0.0, 0.0
            for a in range(size_a):
                norm_u += u[k, s, a] ** 2
            for b in range(size_b):
                norm_v += v[k, s, b] ** 2
            for c in range(size_c):
                norm_w += w[k, s, c] ** 2
            growths[k] += norm_u * norm_v * norm_w
    return errors, growths
