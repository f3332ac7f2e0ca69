"""2:4 sparsity with error compensation, as in SparseGPT."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_bench.baselines.pruning24 import mask24, masked
from stl_nn.calibration.moments import InputMoments, damped_cholesky

#: Share of the mean diagonal added to the second moments, as in the reference implementation.
DAMPING = 0.01
#: Columns whose errors are taken off the columns after them in one product.
BLOCK = 128


@torch.no_grad()
def sparsegpt24(linear: nn.Linear, moments: InputMoments, damping: float = DAMPING) -> nn.Linear:
    """Prune a layer 2:4, column by column; columns still to come make good the error of each.

    U is the upper Cholesky factor of the inverse second moment, C⁻¹ = UᵀU. Of every four columns the two weights with
    the least w²/U_jj² go. The error e = (w_j − ŵ_j)/U_jj of column j is taken off the later ones as e·U_j. Columns
    beyond a block get the errors of the whole block at once.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    moments : InputMoments
        The moments of the layer's inputs, from `gather_moments`.
    damping : float
        The share of the mean diagonal that is added to the second moments.

    Returns
    -------
    nn.Linear
        A dense layer with these zeros.

    Raises
    ------
    InvalidInput
        If K is no multiple of 4.

    References
    ----------
    Frantar, Alistarh, SparseGPT, 2023.

    Hassibi, Stork, Second order derivatives for network pruning: optimal brain surgeon, 1992.
    """
    weight = linear.weight.detach().double().clone()
    upper = inverse_factor(moments.second, damping)
    diagonal = upper.diagonal()
    columns = weight.shape[1]
    for begin in range(0, columns, BLOCK):
        end = min(begin + BLOCK, columns)
        errors = weight.new_zeros(weight.shape[0], end - begin)
        for start in range(begin, end, 4):
            four = slice(start, start + 4)
            mask = mask24(weight[:, four].square() / diagonal[four].square())
            for j in range(start, start + 4):
                kept = weight[:, j] * mask[:, j - start]
                error = (weight[:, j] - kept) / diagonal[j]
                weight[:, j:end] -= torch.outer(error, upper[j, j:end])
                weight[:, j] = kept
                errors[:, j - begin] = error
        weight[:, end:] -= errors @ upper[begin:end, end:]
    return masked(linear, weight)


def inverse_factor(second: Tensor, damping: float) -> Tensor:
    """Return the upper U with UᵀU = (C + damping·mean(diag C)·1)⁻¹.

    Parameters
    ----------
    second : Tensor
        (K, K), the second moment C.
    damping : float
        The share of the mean diagonal that is added to it.

    Returns
    -------
    Tensor
        (K, K), upper triangular.

    Examples
    --------
    >>> inverse_factor(torch.eye(2, dtype=torch.float64) * 4, 0.0).diagonal().tolist()
    [0.5, 0.5]
    """
    factor = damped_cholesky(second, damping)
    return torch.linalg.cholesky(torch.cholesky_inverse(factor), upper=True)
