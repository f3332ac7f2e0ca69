"""The relative output error to expect of one weight, before any data is seen."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stl_algebra import Precision, TileEncoder, residual
from stl_nn.tiling import pad_to_multiple

PRECISION_OF_DTYPE = {
    torch.float64: Precision("fp64", 53),
    torch.float32: Precision.parse("fp32"),
    torch.bfloat16: Precision.parse("bf16"),
    torch.float16: Precision.parse("fp16"),
}


def expected_error(weight: Tensor, encoder: TileEncoder, precision: Precision) -> float:
    """The relative output error E‖Ŷ−Y‖² / E‖Y‖² to expect of a weight before any data is seen.

    Inputs are taken to have independent entries of mean zero and variance one. Averaged over white weights the
    result is `encoder.error_at(precision)`.

    Parameters
    ----------
    weight : Tensor
        W, (K, N).
    encoder : TileEncoder
        The encoder that the layer multiplies by.
    precision : Precision
        The precision that encoded operands are rounded to.

    Returns
    -------
    float
        The error; 0 for a weight of zeros.

    Notes
    -----
    With S = Σ vec(W_kj) vec(W_kj)ᵀ over all tiles, the residual R and G[b,b'] = Σ_ac R[a,b,c] R[a,b',c], the
    truncation is tr(G S) / (n ‖W‖²): exact for white inputs, no sampling. Rounding the encoded operands adds
    2δ² Σ_s ‖E_X[s]‖² ‖D[:,s]‖² (E_W S E_Wᵀ)[s,s] / (n ‖W‖²).

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> expected_error(torch.eye(4), strassen(), Precision.parse("fp32")) < 1e-12
    True
    """
    n, m, p = encoder.format
    energy = float(weight.detach().double().square().sum())
    if energy == 0:
        return 0.0
    tiles = pad_to_multiple(weight.detach(), m, p).double()
    moment = _second_moment(tiles, m, p)
    truncation = 0.0
    if not encoder.ring.is_exact_for_reals:
        error = residual(encoder.format, *encoder.factors).transpose(1, 0, 2).reshape(m * p, -1)
        truncation = float(np.sum(moment * (error @ error.T)))
    channel = np.einsum("sb,bc,sc->s", encoder.encode_w, moment, encoder.encode_w)
    gain = (encoder.encode_x**2).sum(axis=1) * (encoder.decode**2).sum(axis=0)
    rounding = 2 * precision.rounding**2 * float(gain @ channel)
    return (truncation + rounding) / (n * energy)


def _second_moment(matrix: Tensor, height: int, width: int) -> NDArray[np.float64]:
    """Σ vec vecᵀ over the height×width tiles of a matrix whose sides are multiples of the tile."""
    rows, columns = matrix.shape[0] // height, matrix.shape[1] // width
    tiles = matrix.reshape(rows, height, columns, width).permute(0, 2, 1, 3).reshape(-1, height * width)
    moment: NDArray[np.float64] = (tiles.T @ tiles).cpu().numpy()
    return moment
