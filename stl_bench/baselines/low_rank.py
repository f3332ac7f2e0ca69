"""Low rank: the weight as a product of two thin matrices, by plain or activation-aware SVD."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from stl_algebra import InvalidInput
from stl_nn.calibration.moments import InputMoments


class LowRankLinear(nn.Module):
    """y = (x A) B + b, by way of R channels: x (..., K) to y (..., N).

    A row takes R·(K + N) multiplications.

    Parameters
    ----------
    down : Tensor
        (R, K), the transpose of A.
    up : Tensor
        (N, R), the transpose of B.
    bias : Tensor or None
        (N,), or None.

    Examples
    --------
    >>> LowRankLinear(torch.ones(1, 3), torch.ones(2, 1), None)(torch.ones(3)).tolist()
    [3.0, 3.0]
    """

    stands_in_for_dense = True

    def __init__(self, down: Tensor, up: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.down, self.up = nn.Parameter(down), nn.Parameter(up)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer.

        Parameters
        ----------
        x : Tensor
            (..., K).

        Returns
        -------
        Tensor
            (..., N).
        """
        return functional.linear(functional.linear(x, self.down), self.up, self.bias)


def rank_at(in_features: int, out_features: int, ratio: float) -> int:
    """Return the largest R with R·(K + N) ≤ ratio·K·N multiplications a row.

    Parameters
    ----------
    in_features : int
        K.
    out_features : int
        N.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].

    Returns
    -------
    int
        The rank, at most the smaller side.

    Raises
    ------
    InvalidInput
        If not even rank 1 is within the ratio.

    Examples
    --------
    >>> rank_at(384, 384, 0.5)
    96
    """
    rank = int(ratio * in_features * out_features / (in_features + out_features))
    if rank < 1:
        raise InvalidInput(f"the ratio {ratio:.3g} does not even pay for rank 1; raise it")
    return min(rank, in_features, out_features)


@torch.no_grad()
def svd(linear: nn.Linear, ratio: float) -> LowRankLinear:
    """Approximate the weight by low rank, best in the Frobenius norm.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].

    Returns
    -------
    LowRankLinear
        The layer of the two factors.

    Raises
    ------
    InvalidInput
        If not even rank 1 is within the ratio.

    References
    ----------
    Eckart, Young, The approximation of one matrix by another of lower rank, 1936.

    Examples
    --------
    >>> svd(nn.Linear(8, 8), 0.5).down.shape
    torch.Size([2, 8])
    """
    rank = rank_at(linear.in_features, linear.out_features, ratio)
    weight = linear.weight.double()
    u, s, vh = torch.linalg.svd(weight, full_matrices=False)
    root = s[:rank].sqrt()
    return _assemble(linear, root[:, None] * vh[:rank], u[:, :rank] * root)


@torch.no_grad()
def activation_aware_svd(linear: nn.Linear, ratio: float, moments: InputMoments) -> LowRankLinear:
    """Approximate the output by low rank: truncate W C^½, with C the second moment of the inputs.

    E‖x(W − Ŵ)‖² = ‖(W − Ŵ)ᵀC^½‖², and truncating the SVD of C^½W minimises this. C^½ is a Cholesky factor.

    Parameters
    ----------
    linear : nn.Linear
        The dense layer, K inputs and N outputs.
    ratio : float
        The share of the multiplications that may be taken, in (0, 1].
    moments : InputMoments
        The moments of the layer's inputs, from `gather_moments`.

    Returns
    -------
    LowRankLinear
        The layer of the two factors.

    Raises
    ------
    InvalidInput
        If not even rank 1 is within the ratio.

    References
    ----------
    Yuan et al., ASVD, 2023.

    Wang et al., SVD-LLM, 2024: whitening by Cholesky.
    """
    rank = rank_at(linear.in_features, linear.out_features, ratio)
    root = moments.cholesky()  # C = L Lᵀ
    u, s, vh = torch.linalg.svd(linear.weight.double() @ root, full_matrices=False)
    down = torch.linalg.solve_triangular(root, vh[:rank], upper=False, left=False)
    scale = s[:rank].sqrt()
    return _assemble(linear, scale[:, None] * down, u[:, :rank] * scale)


def _assemble(linear: nn.Linear, down: Tensor, up: Tensor) -> LowRankLinear:
    dtype = linear.weight.dtype
    bias = None if linear.bias is None else linear.bias.detach().clone()
    return LowRankLinear(down.to(dtype), up.to(dtype), bias)
