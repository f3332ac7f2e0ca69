"""The best encoder for second moments: encoders of a layer's own, from nothing but the moments of its tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from stl_algebra import TileEncoder, matmul_tensor
from stl_algebra.gauge import balance_factors
from stl_nn.calibration.tile_system import TileSystem

Array = NDArray[np.float64]

#: Directions of less than this part of the largest second moment count as that much.
LEAST_MOMENT = 1e-9
#: Starts that go all the way, and encoders to choose from in the end.
SURVIVORS = 3
#: 2δ² of bfloat16, the weight of growth in the objective: an encoder that only float32 can hold is of no use.
ROUNDING = 5.5e-6


def weighted_encoders(
    system: TileSystem, encoders: Sequence[TileEncoder], random_starts: int = 0, steps: int = 3000, seed: int = 0
) -> list[TileEncoder]:
    """Encoders of least expected output error for tiles with the second moments of this layer, the best first.

    Starts from `encoders`, all of one rank, and from random factors of it, all for a tenth of the steps, the better
    half for three times as many, and so on; the last two or three are returned. Minimises
    ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² / ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) T‖², plus what rounding to bfloat16 adds, by L-BFGS in the factors
    of the weighted tensor. Σ_X and Σ_W are the mean second moments of the tiles of X and W. What one tile of the inner
    dimension has to do with another is left out here, and made up for by the refit. An exact encoder that comes first
    is returned as it is.

    >>> from stl_algebra import strassen
    >>> from stl_nn.calibration.moments import MomentSums
    >>> sums = MomentSums(4, 2)
    >>> import torch; sums.add(torch.randn(50, 4))
    >>> system = TileSystem.of(strassen().format, sums.result(), torch.eye(4))
    >>> weighted_encoders(system, [strassen()], random_starts=3) == [strassen()]
    True

    Source: DESIGN §1; Tucker, Some mathematical notes on three-mode factor analysis, 1966 (the change of basis).
    """
    encoder = encoders[0]
    if encoder.ring.is_exact_for_reals or not system.energy > 0:
        return [encoder]  # nothing is left to gain
    to_x, from_x = _square_roots(system.mean_tile_moment())
    to_w, from_w = _square_roots(system.mean_weight_moment())
    target = np.einsum("abc,ax,bw->xwc", matmul_tensor(encoder.format), to_x, to_w)
    starts: list[tuple[Array, ...]] = [(one.encode_x @ to_x, one.encode_w @ to_w, one.decode.T) for one in encoders]
    rng = np.random.default_rng(seed)
    starts += [_random_factors(target, encoder.rank, rng) for _ in range(random_starts)]
    field: list[tuple[float, tuple[Array, ...]]] = [(0.0, start) for start in starts]
    slice_ = max(steps // 10, 1)
    with threadpool_limits(1):  # matrices of a few kilobytes
        while True:
            taken = slice_ if len(field) > SURVIVORS else steps
            field = sorted((_minimise(target, start, taken) for _, start in field), key=lambda one: one[0])
            if len(field) <= SURVIVORS:
                break
            field, slice_ = field[: max(SURVIVORS, len(field) // 2)], 3 * slice_
    found = []
    for _, (a, b, c) in field:
        u, v, w = balance_factors(a @ from_x, b @ from_w, c)
        found.append(TileEncoder(encoder.format, u, v, w.T))
    return found


def _random_factors(target: Array, rank: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Normal factors (rank, ·) whose terms are together as large as the target, on average."""
    size = (np.linalg.norm(target) / (rank * target.size) ** 0.5) ** (1 / 3)
    return tuple(size * rng.standard_normal((rank, side)) for side in target.shape)


def _minimise(target: Array, start: tuple[Array, ...], steps: int) -> tuple[float, tuple[Array, ...]]:
    """(loss, factors) by L-BFGS on ‖Σ_s a_s ⊗ b_s ⊗ c_s − T‖² / ‖T‖² with the growth of the terms; factors (r, ·)."""
    # A term counts by the product of its norms alone: share it evenly, so that one step suits all factors.
    balanced = balance_factors(*start)
    rank, sides = len(start[0]), target.shape
    ends = np.cumsum([factor.size for factor in balanced])[:-1]
    unfolded, energy = target.reshape(sides[0], -1), float(np.square(target).sum())

    def split(z: Array) -> tuple[Array, ...]:
        return tuple(part.reshape(rank, -1) for part in np.split(z, ends))

    def objective(z: Array) -> tuple[float, Array]:
        a, b, c = split(z)
        pairs = (b[:, :, None] * c[:, None, :]).reshape(rank, -1)
        residual = a.T @ pairs - unfolded
        back = (a @ residual).reshape(rank, *sides[1:])
        p, q, r = (np.square(factor).sum(axis=1) for factor in (a, b, c))
        gradients = (
            pairs @ residual.T + (ROUNDING * q * r)[:, None] * a,
            (back @ c[:, :, None])[:, :, 0] + (ROUNDING * p * r)[:, None] * b,
            (b[:, None, :] @ back)[:, 0] + (ROUNDING * p * q)[:, None] * c,
        )
        loss = np.square(residual).sum() + ROUNDING * (p * q * r).sum()
        return float(loss / energy), 2 / energy * np.concatenate([gradient.ravel() for gradient in gradients])

    options: dict[str, Any] = {"maxiter": steps, "maxfun": 2 * steps, "maxcor": 30, "ftol": 1e-10, "gtol": 1e-9}
    z = np.concatenate([factor.ravel() for factor in balanced])
    found = minimize(objective, z, jac=True, method="L-BFGS-B", options=options)
    return float(found.fun), split(found.x)


def _square_roots(moment: Array) -> tuple[Array, Array]:
    """The symmetric square root of a second moment, and its inverse."""
    values, vectors = np.linalg.eigh(moment)
    roots = np.sqrt(np.maximum(values, values.max() * LEAST_MOMENT))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
