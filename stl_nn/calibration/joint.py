"""Joint refinement: encoders of a layer's own, with the encoded weights that suit them best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stl_algebra import InvalidInput, TileEncoder, matmul_tensor
from stl_algebra.gauge import balance_factors
from stl_nn.calibration.ridge import ridge_of, rising
from stl_nn.calibration.tile_system import TileSystem

#: Unknowns of the sample of a layer that its encoders are learned on: one Cholesky of this size a step.
UNKNOWNS = 640
#: Ridge of the loss, as a share of the diagonal. It pulls towards zero, not towards a prior as that of the refit, and
#: ten times as much makes worse encoders.
RIDGE = 1e-5
#: Tile columns of the weight in that sample.
COLUMNS = 96


def refine(system: TileSystem, starts: Sequence[TileEncoder], steps: int = 300, seed: int = 0) -> TileEncoder:
    """An encoder whose E_X and D give a layer the least squared output error, encoded weights eliminated.

    E_X and D are shared by all tiles, so a random sample of tiles and tile columns determines them; the encoded weights
    are refitted on the whole layer afterwards. E_W, which the result does not use, is the best data-free one for the
    new E_X and D.

    Parameters
    ----------
    system : TileSystem
        The layer's least-squares problem.
    starts : sequence of TileEncoder
        Encoders to start from, all of one rank.
    steps : int
        Steps of L-BFGS in all: all starts take a tenth of them, the better half another fifth, and so on.
    seed : int
        Of the sample.

    Returns
    -------
    TileEncoder
        The refined encoder; an exact one is returned as it is.

    Notes
    -----
    Variable projection: the loss is what is left after the closed-form refit, E − ⟨B, A⁻¹B⟩, a smooth function of
    (E_X, D) alone.

    References
    ----------
    Golub, Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
    separate, 1973.
    """
    encoder = starts[0]
    sample = sample_of(system, encoder.rank, seed)
    if encoder.ring.is_exact_for_reals or not sample.energy > 0:
        return encoder  # nothing is left to gain
    field = [(torch.tensor(start.encode_x), torch.tensor(start.decode)) for start in starts]
    spent, slice_ = 0, max(steps // 10, 1)
    while spent < steps:
        taken = min(slice_ if len(field) > 1 else steps, steps - spent)
        ranked = sorted((_descend(sample, *one, taken) for one in field), key=lambda one: one[0])
        field = [factors for _, *factors in ranked[: -(-len(ranked) // 2)]]  # type: ignore[misc]
        spent, slice_ = spent + taken, 2 * slice_
    return with_best_encode_w(encoder, *(factor.numpy() for factor in field[0]))


def sample_of(system: TileSystem, rank: int, seed: int = 0) -> TileSystem:
    """The system of a random sample of tiles and tile columns, of about UNKNOWNS unknowns and COLUMNS columns.

    Parameters
    ----------
    system : TileSystem
        The whole system.
    rank : int
        Of the encoders.
    seed : int
        Of the sample.

    Returns
    -------
    TileSystem
        The sample.
    """
    generator = torch.Generator().manual_seed(seed)
    tiles = min(system.tiles, max(8, UNKNOWNS // rank))
    columns = system.weight.shape[1]
    return system.subset(
        torch.randperm(system.tiles, generator=generator)[:tiles].sort().values,
        torch.randperm(columns, generator=generator)[: min(columns, COLUMNS)].sort().values,
    )


def _descend(sample: TileSystem, encode_x: Tensor, decode: Tensor, steps: int) -> tuple[float, Tensor, Tensor]:
    """(loss, E_X, D) after L-BFGS on the projected loss."""
    encode_x, decode = encode_x.clone().requires_grad_(), decode.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [encode_x, decode], max_iter=steps, max_eval=steps * 5 // 4, history_size=30, line_search_fn="strong_wolfe"
    )
    best: tuple[float, Tensor, Tensor] = (float("inf"), encode_x.detach().clone(), decode.detach().clone())

    def closure() -> Tensor:
        nonlocal best
        optimiser.zero_grad()
        with torch.enable_grad():
            loss = projected_loss(sample, encode_x, decode)
        loss.backward()
        if float(loss.detach()) < best[0]:
            best = (float(loss.detach()), encode_x.detach().clone(), decode.detach().clone())
        return loss

    optimiser.step(closure)
    return best


def projected_loss(system: TileSystem, encode_x: Tensor, decode: Tensor, ridge: float = RIDGE) -> Tensor:
    """E‖Ŷ − Y‖² / E‖Y‖² after the encoded weights are refitted, differentiable in E_X and D.

    Parameters
    ----------
    system : TileSystem
        The layer's least-squares problem.
    encode_x, decode : Tensor
        E_X (r, n·m) and D (n·p, r).
    ridge : float
        As a share of the diagonal of A.

    Returns
    -------
    Tensor
        A scalar, differentiable in `encode_x` and `decode`.

    Raises
    ------
    InvalidInput
        If A is not finite.
    """
    factor = _ridged_factor(system.normal(encode_x, decode), ridge)
    half = torch.linalg.solve_triangular(factor, system.right_side(encode_x, decode), upper=False)
    return 1 - half.square().sum() / system.energy


def _ridged_factor(normal: Tensor, ridge: float) -> Tensor:
    """The Cholesky factor of A + Λ, differentiable in A; the ridge grows tenfold until there is one."""
    for weight in rising(ridge_of(normal.diagonal(), ridge)):
        factor, failed = torch.linalg.cholesky_ex(normal + torch.diag(weight))
        if not failed:
            return factor
    raise InvalidInput(f"normal equations of {len(normal)} unknowns are not finite; gather the moments anew")


def with_best_encode_w(encoder: TileEncoder, encode_x: np.ndarray, decode: np.ndarray) -> TileEncoder:
    """The encoder of given E_X and D with the E_W of least ‖R‖, balanced: a linear least squares.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder of the format.
    encode_x, decode : np.ndarray
        E_X (r, n·m) and D (n·p, r).

    Returns
    -------
    TileEncoder
        The encoder.
    """
    tensor = matmul_tensor(encoder.format).transpose(1, 0, 2).reshape(encoder.format.sizes[1], -1)
    basis = np.einsum("sa,cs->sac", encode_x, decode).reshape(len(encode_x), -1)
    encode_w = np.linalg.lstsq(basis.T, tensor.T, rcond=1e-10)[0]
    u, v, w = balance_factors(encode_x, encode_w, decode.T)
    return TileEncoder(encoder.format, u, v, w.T)
