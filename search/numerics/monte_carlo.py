"""The error of an encoder measured in low-precision arithmetic: the check on its closed form."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from search.numerics.low_precision import rounded
from stl_algebra import InvalidInput, Precision, TileEncoder, TileMoments

#: Tiles computed at a time.
BATCH = 4096
#: Encoded entries are scaled by powers of two to about this rms, so that fp8 neither underflows nor overflows.
RMS = 8.0


@dataclass(frozen=True)
class Measured:
    """A relative error and its standard error, from so many output tiles."""

    error: float
    standard_error: float
    tiles: int


def measured_error(
    encoder: TileEncoder,
    precision: str | Precision,
    rng: np.random.Generator,
    *,
    samples: int = 20_000,
    inner: int = 1,
    weights: TileMoments | None = None,
) -> Measured:
    """E‖Ŷ−Y‖² / E‖Y‖² of the operator on Gaussian tiles, `inner` of them along the inner dimension.

    Encoded operands are rounded to the precision, each channel scaled by a power of two as kernels scale; sums are
    then taken in float32, or in float64 for fp32, whose own sums would hide its rounding. Tiles are white, or have
    the moments given, means included.

    >>> from stl_algebra import strassen
    >>> found = measured_error(strassen(), "bf16", np.random.default_rng(0), samples=2000)
    >>> bool(abs(found.error / strassen().error_at("bf16") - 1) < 0.1)
    True

    Raises InvalidInput for fewer than two samples, no inner tile, or moments of another format.
    """
    if samples < 2 or inner < 1:
        raise InvalidInput(f"{samples} samples of {inner} inner tiles measure nothing; give 2 and 1 at least")
    if weights is not None and weights.format != encoder.format:
        raise InvalidInput(f"moments of tiles {weights.format} say nothing of an encoder of format {encoder.format}")
    precision = Precision.parse(precision)
    wide = np.float64 if precision.name == "fp32" else np.float32
    n, m, p = encoder.format
    errors, energies = [], []
    for start in range(0, samples, BATCH):
        count = min(BATCH, samples - start)
        x, w = (_drawn(count * inner, side, encoder, weights, rng) for side in "xw")
        products = _encoded(x, encoder.encode_x, precision, wide) * _encoded(w, encoder.encode_w, precision, wide)
        summed = products.reshape(count, inner, -1).sum(1, dtype=wide)
        found = summed @ encoder.decode.T.astype(wide)
        exact = np.einsum("tkij,tkjl->til", x.reshape(count, inner, n, m), w.reshape(count, inner, m, p))
        errors.append(np.sum((found.astype(np.float64) - exact.reshape(count, -1)) ** 2, axis=1))
        energies.append(np.sum(exact**2, axis=(1, 2)))
    error, energy = np.concatenate(errors), np.concatenate(energies)
    ratio = float(error.mean() / energy.mean())
    # The delta method for a ratio of means.
    spread = float(np.std(error - ratio * energy) / (energy.mean() * sqrt(samples)))
    return Measured(ratio, spread, samples)


def _drawn(
    count: int, side: str, encoder: TileEncoder, weights: TileMoments | None, rng: np.random.Generator
) -> NDArray[np.float64]:
    size = encoder.format.sizes[side == "w"]
    white = rng.standard_normal((count, size))
    if weights is None:
        return white
    second, mean = (weights.second_x, weights.mean_x) if side == "x" else (weights.second_w, weights.mean_w)
    assert mean is not None
    values, vectors = np.linalg.eigh(second - np.outer(mean, mean))
    coloured: NDArray[np.float64] = white @ (vectors * np.sqrt(np.maximum(values, 0))).T + mean
    return coloured


def _encoded(
    tiles: NDArray[np.float64],
    encode: NDArray[np.float64],
    precision: Precision,
    wide: type[np.float32] | type[np.float64],
) -> NDArray[np.floating]:
    """Encoded tiles, (tiles, r), rounded to the precision."""
    encoded: NDArray[np.floating] = tiles.astype(wide) @ encode.T.astype(wide)
    rms = np.sqrt(np.mean(encoded.astype(np.float64) ** 2, axis=0))
    scale = np.exp2(np.rint(np.log2(RMS / np.where(rms > 0, rms, RMS))))
    result: NDArray[np.floating] = (rounded(encoded * scale, precision) / scale).astype(wide)
    return result
