"""2:4 sparsity with error compensation, as in SparseGPT."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stl_nn.baselines.pruning24 import mask24, masked
from stl_nn.calibration.moments import Moments, damped_cholesky

#: Share of the mean diagonal added to the second moments, as in the reference implementation.
DAMPING = 0.01
#: Columns whose errors are taken off the columns after them in one product.
BLOCK = 128


@torch.no_grad()
def sparsegpt24(linear: nn.Linear, moments: Moments, damping: float = DAMPING) -> nn.Linear:
    """The layer pruned 2:4 column by column, each column's error made good by the columns still to come.

    With U the upper Cholesky factor of the inverse second moment C⁻¹ = UᵀU, the weights of every four columns
    with the least w²/U_jj² go; the error e = (w_j − ŵ_j)/U_jj of column j is taken off the later ones as e·U_j.
    Columns beyond a block of them get the errors of the whole block at once.

    Source: Frantar, Alistarh, SparseGPT, 2023; the update is that of optimal brain surgeon (Hassibi, Stork, 1992).
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
    """Upper U with UᵀU = (C + damping·mean(diag C)·1)⁻¹, for C (K, K).

    >>> inverse_factor(torch.eye(2, dtype=torch.float64) * 4, 0.0).diagonal().tolist()
    [0.5, 0.5]
    """
    factor = damped_cholesky(second, damping)
    return torch.linalg.cholesky(torch.cholesky_inverse(factor), upper=True)
