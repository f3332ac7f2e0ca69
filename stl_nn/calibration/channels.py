"""Preparing a layer's input channels for tiling: their means, their basis, their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from stl_nn.calibration.moments import InputMoments

#: Neighbouring channels that are given a common basis, at most.
BLOCK = 16
#: Directions that vary by less than this part of their block's largest rms count as that much: a direction that
#: hardly varies must not be blown up when it once does.
LEAST_SPREAD = 1e-2


@dataclass(frozen=True)
class Channels:
    """What is done to the input channels before they are tiled: z = ((x − mean) · basis)[order].

    The weight takes the inverse basis and the same order, the bias takes mean·W, so the layer computes the same:
    x W + b = z W' + b'. With blocks of b channels this takes K·b multiplications for a row, beside the K·N·r/(n·m·p) of
    the products.

    Parameters
    ----------
    mean : Tensor
        E x, (K,): the constant part of an input is multiplied exactly, beforehand.
    basis : Tensor
        (K/b, b, b), invertible: each block of b channels in coordinates of its own.
    order : Tensor
        (K,): these coordinates in the order in which m of them form a tile.
    """

    mean: Tensor
    basis: Tensor
    order: Tensor

    @classmethod
    def identity(cls, features: int) -> Self:
        """Channels as they come.

        Parameters
        ----------
        features : int
            K.

        Returns
        -------
        Self
            The channels.

        Examples
        --------
        >>> Channels.identity(3).order.tolist()
        [0, 1, 2]
        """
        return cls(
            torch.zeros(features, dtype=torch.float64),
            torch.ones(features, 1, 1, dtype=torch.float64),
            torch.arange(features),
        )

    @classmethod
    def balanced(cls, moments: InputMoments, weight: Tensor, m: int, block: int = 1) -> Self:
        """The channels that suit the inputs and the weight of a layer.

        In the basis of a block, the second moments of its inputs and of its rows of the weight are one and the same
        diagonal matrix. So the importance of the block gathers in as few coordinates as it can, shared evenly by both
        factors; in a block of one this is the scale √(‖w_j‖ / rms x_j). In order, position q of every tile holds the
        q-th most important m-th of the coordinates, so that an encoder learned for the layer can give the important
        position the more exact products.

        Parameters
        ----------
        moments : InputMoments
            Those of the inputs.
        weight : Tensor
            W, (K, N).
        m : int
            Channels of a tile.
        block : int
            Channels of a block, a divisor of K.

        Returns
        -------
        Self
            The channels.

        References
        ----------
        Moore, Principal component analysis in linear systems, 1981 (balancing). Compare: Xiao et al., SmoothQuant,
        2022, which balances channels for quantisation.
        """
        inputs = _blocks(moments.covariance(), block)
        dense = weight.double().reshape(-1, block, weight.shape[1])
        basis, importance = _balance(inputs, dense @ dense.mT / weight.shape[1])
        return cls(moments.mean, basis, tile_order(importance.reshape(-1), m))

    def moments(self, moments: InputMoments) -> InputMoments:
        """The moments of z.

        Parameters
        ----------
        moments : InputMoments
            Those of x.

        Returns
        -------
        InputMoments
            The moments of z.
        """
        shifted = moments.centred() if bool(self.mean.any()) else moments
        half = self._apply(self.basis, shifted.lagged)
        lagged = self._apply(self.basis, half.mT).mT[:, self.order][:, :, self.order]
        mean = self._apply(self.basis, shifted.mean[None])[0, self.order]
        return InputMoments(moments.count, mean, lagged.contiguous())

    def weight(self, weight: Tensor) -> Tensor:
        """W' (K, N), rows in tiling order, float64.

        Parameters
        ----------
        weight : Tensor
            W, (K, N).

        Returns
        -------
        Tensor
            W', (K, N), float64.
        """
        return self.unordered_weight(weight)[self.order]

    def unordered_weight(self, weight: Tensor) -> Tensor:
        """W' (K, N) before its rows are put in order, float64.

        Parameters
        ----------
        weight : Tensor
            W, (K, N).

        Returns
        -------
        Tensor
            W' before its rows are put in order, (K, N), float64.
        """
        inverse = torch.linalg.inv(self.basis.to(weight.device))
        size = self.basis.shape[1]
        return (inverse @ weight.double().reshape(-1, size, weight.shape[1])).reshape(weight.shape)

    @staticmethod
    def _apply(basis: Tensor, rows: Tensor) -> Tensor:
        """The rows (..., K) in the coordinates of the blocks."""
        return torch.einsum("...ka,kab->...kb", rows.unflatten(-1, basis.shape[:2]), basis).flatten(-2)


def tile_order(importance: Tensor, size: int) -> Tensor:
    """The channels in the order in which some of them form a tile: position q holds the q-th most important part.

    Parameters
    ----------
    importance : Tensor
        Of the channels, (K,).
    size : int
        Channels of a tile.

    Returns
    -------
    Tensor
        Numbers of the channels, (K,).

    Examples
    --------
    >>> tile_order(torch.tensor([1.0, 4.0, 2.0, 3.0]), 2).tolist()
    [1, 2, 3, 0]
    """
    ranked = torch.argsort(importance, descending=True, stable=True)
    whole = len(ranked) // size * size
    return torch.cat([ranked[:whole].reshape(size, whole // size).T.reshape(-1), ranked[whole:]])


def _blocks(moment: Tensor, size: int) -> Tensor:
    """The diagonal blocks (K/size, size, size) of a matrix (K, K)."""
    count = len(moment) // size
    return torch.einsum("kakb->kab", moment.reshape(count, size, count, size)).clone()


def _balance(inputs: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(Q, Λ) with QᵀSQ = Q⁻¹GQ⁻ᵀ = Λ diagonal, for second moments S of the inputs and G of the weights by blocks.

    With S = LLᵀ and the eigenvectors U of LᵀGL = U Λ² Uᵀ: Q = L⁻ᵀ U Λ^½.
    """
    values, vectors = torch.linalg.eigh(inputs)
    largest = values[:, -1:]
    values = torch.where(largest > 0, values.clamp_min(LEAST_SPREAD**2 * largest), torch.ones_like(values))
    left = vectors * values.sqrt()[:, None]
    squares, rotation = torch.linalg.eigh(left.mT @ weights @ left)
    largest = squares[:, -1:]
    squares = torch.where(largest > 0, squares.clamp_min(LEAST_SPREAD**4 * largest), torch.ones_like(squares))
    basis = (vectors / values.sqrt()[:, None]) @ rotation * squares.pow(0.25)[:, None]
    # Without any input or any weight nothing is important.
    alive = (inputs.diagonal(dim1=1, dim2=2).sum(1) > 0) & (weights.diagonal(dim1=1, dim2=2).sum(1) > 0)
    identity = torch.eye(basis.shape[1], dtype=basis.dtype).expand_as(basis)
    return torch.where(alive[:, None, None], basis, identity), torch.where(alive[:, None], squares.sqrt(), 0.0)
