"""Closed-form refit of the encoded weights."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from stl_nn.calibration.ridged_solve import ridged_solution
from stl_nn.calibration.tile_system import TileSystem

#: Ridge, as a share of the diagonal. Held-out error is flat from 1e-6 to 1e-4 and rises above; on little text it
#: falls up to 1e-4.
RIDGE = 1e-4
#: Part of the equations that must be left over once there is one for each unknown.
LEAST_FREE = 0.1
#: Unknowns, K·r/m, that are solved for at once: a factor of 1.4 GB. More are taken in blocks.
MOST_UNKNOWNS = 18432
#: Sweeps over the blocks at most; they end as soon as one changes the weights by less than TOLERANCE of them.
MOST_SWEEPS = 30
TOLERANCE = 1e-4


@torch.no_grad()
def refit(
    system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor | None = None, ridge: float = RIDGE
) -> Tensor:
    """The encoded weights of least squared output error for given encoders.

    One Cholesky factorisation serves all tile columns. Above MOST_UNKNOWNS of K·r/m it is a block Gauss–Seidel
    iteration, a block being as many tiles of the inner dimension as can be factored at once, and A is never held as a
    whole.

    Parameters
    ----------
    system : TileSystem
        The layer's least-squares problem.
    encode_x, decode : Tensor
        E_X (r, n·m) and D (n·p, r).
    prior : Tensor or None
        (r, K/m, N/p), the data-free encoded weights, or None for zero: the ridge pulls towards it, and directions that
        the inputs never take keep it.
    ridge : float
        As a share of each diagonal entry of the normal matrix.

    Returns
    -------
    Tensor
        (r, K/m, N/p), float64.

    Examples
    --------
    >>> from stl_algebra import Format
    >>> from stl_nn.calibration.moments import InputMoments
    >>> system = TileSystem.of(Format(1, 1, 1), InputMoments(1, torch.zeros(1), torch.ones(1, 1, 1)), torch.ones(1, 1))
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> round(float(refit(system, one, 2 * one)), 3)
    0.5
    """
    return _unrolled(_solved(system, encode_x, decode, prior, ridge).weights, system.tiles)


@torch.no_grad()
def shrunken_refit(
    system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor, before: float
) -> tuple[Tensor, float]:
    """A refit, drawn back to the prior as far as few rows call for it.

    If hardly more equations than unknowns are known, so that it cannot gain much, nothing is fitted.

    Parameters
    ----------
    system : TileSystem
        As of `refit`.
    encode_x, decode, prior : Tensor
        As of `refit`.
    before : float
        The relative error that the prior leaves.

    Returns
    -------
    encoded, error
        The encoded weights (r, K/m, N/p), and the relative error that they leave.

    Notes
    -----
    Each tile column has U = K·r/m unknowns and p equations for each of M rows. A fit that leaves the error e₁ there can
    be expected to have left σ² = e₁/(1 − U/pM) with rows without number, and to leave σ² + v on others, with
    v = σ²·U/(pM − U). What lies between it and the prior, which leaves e₀ = `before`, then leaves
    σ² + (1−a)²(e₀ − σ²) + a²v at a share a of the way, least at a = (e₀ − σ²) / (e₀ − σ² + v).

    References
    ----------
    For the expectations: Craven, Wahba, Smoothing noisy data with spline functions, 1978.

    Examples
    --------
    >>> from stl_algebra import Format
    >>> from stl_nn.calibration.moments import InputMoments
    >>> seen = InputMoments(1000, torch.zeros(1), torch.ones(1, 1, 1))
    >>> system = TileSystem.of(Format(1, 1, 1), seen, torch.ones(1, 1))
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> weights, error = shrunken_refit(system, one, 2 * one, torch.ones(1, 1, 1), before=1.0)
    >>> round(float(weights), 2), round(error, 4)
    (0.5, 0.0)
    """
    equations, unknowns = system.rows * system.format.p, system.tiles * len(encode_x)
    free = 1 - unknowns / max(equations, 1)
    if free < LEAST_FREE:
        return prior.double(), before
    given = _rolled(prior)
    fitted = _solved(system, encode_x, decode, prior, RIDGE)
    after, between = fitted.errors(system, given)
    limit = after / free
    gain, variance = max(before - limit, 0.0), limit * (1 - free) / free
    share = gain / (gain + variance) if gain else 0.0
    error = (1 - share) ** 2 * before + 2 * share * (1 - share) * between + share**2 * after
    return _unrolled(torch.lerp(given, fitted.weights, share), system.tiles), error


class _Fit(NamedTuple):
    """Encoded weights w̃ (K/m·r, N/p) beside B and A w̃, of the same shape."""

    weights: Tensor
    right: Tensor
    product: Tensor

    def errors(self, system: TileSystem, other: Tensor) -> tuple[float, float]:
        """E⟨Δ, Δ⟩ / E‖Y‖² and E⟨Δ, Δ'⟩ / E‖Y‖² for what w̃ and other weights w̃' leave of the output, Δ and Δ'."""
        energy = float(system.energy)
        if not energy:
            return 0.0, 0.0
        own = energy + float(torch.sum(self.weights * (self.product - 2 * self.right)))
        mixed = energy + float(torch.sum(other * (self.product - self.right)) - torch.sum(self.weights * self.right))
        return max(own, 0.0) / energy, mixed / energy


def _rolled(encoded: Tensor) -> Tensor:
    """The encoded weights (r, K/m, N/p) as unknowns (K/m·r, N/p), in double precision."""
    return encoded.double().transpose(0, 1).flatten(0, 1)


def _unrolled(weights: Tensor, tiles: int) -> Tensor:
    return weights.unflatten(0, (tiles, -1)).transpose(0, 1).contiguous()


def _solved(system: TileSystem, encode_x: Tensor, decode: Tensor, prior: Tensor | None, ridge: float) -> _Fit:
    right = system.right_side(encode_x, decode)
    given = None if prior is None else _rolled(prior)
    if len(right) > MOST_UNKNOWNS:
        return _solved_in_blocks(system, encode_x, decode, right, given, ridge)
    whole = range(system.tiles)
    weights, product = ridged_solution(system.normal_matrix(encode_x, decode, whole, whole), right, given, ridge)
    return _Fit(weights, right, product)


def _solved_in_blocks(
    system: TileSystem, encode_x: Tensor, decode: Tensor, right: Tensor, given: Tensor | None, ridge: float
) -> _Fit:
    rank, whole = len(encode_x), range(system.tiles)
    step = max(1, MOST_UNKNOWNS // (2 * rank))
    found = torch.zeros_like(right) if given is None else given.clone()
    blocks = [range(start, min(start + step, system.tiles)) for start in range(0, system.tiles, step)]
    for _ in range(MOST_SWEEPS):
        moved = torch.zeros((), dtype=found.dtype)
        for tiles in blocks:
            block = slice(tiles.start * rank, tiles.stop * rank)
            before = found[block].clone()
            found[block] = 0
            residual = right[block] - system.normal_matrix(encode_x, decode, tiles, whole).times(found)
            own = system.normal_matrix(encode_x, decode, tiles, tiles)
            found[block], _ = ridged_solution(own, residual, None if given is None else given[block], ridge)
            moved += (found[block] - before).square().sum()
        if moved <= TOLERANCE**2 * found.square().sum():
            break
    return _Fit(found, right, system.normal_matrix(encode_x, decode, whole, whole).times(found))
