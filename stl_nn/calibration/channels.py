"""Preparing a layer's input channels for tiling: their means, their scales, their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from stl_nn.calibration.moments import Moments


@dataclass(frozen=True)
class Channels:
    """What is done to the input channels before they are tiled: z = ((x − mean) · scale)[order].

    The weight takes the inverse scale and the same order, the bias takes mean·W, so the layer computes the same:
    x W + b = z W' + b'. Elementwise, K multiplications a row beside the K·N·r/(n·m·p) of the products.

    mean   (K,)  E x: the constant part of an input is multiplied exactly, beforehand
    scale  (K,)  balances each channel against its row of the weight
    order  (K,)  the channels in the order in which m of them form a tile
    """

    mean: Tensor
    scale: Tensor
    order: Tensor

    @classmethod
    def identity(cls, features: int) -> Self:
        """Channels as they come.

        >>> Channels.identity(3).order.tolist()
        [0, 1, 2]
        """
        return cls(
            torch.zeros(features, dtype=torch.float64),
            torch.ones(features, dtype=torch.float64),
            torch.arange(features),
        )

    @classmethod
    def balanced(cls, moments: Moments, weight: Tensor, m: int) -> Self:
        """The channels of inputs with these moments, into a weight W (K, N), for tiles of m channels.

        scale  √(‖w_j‖ / rms x_j): Σ_jj' E x_j² ‖w_j'‖² R² over pairs of channels of a tile is least, for a residual
               spread evenly over them, where both factors share the importance of the channel evenly (Cauchy–Schwarz)
        order  position q of every tile holds the q-th most important m-th of the channels, by E x_j² ‖w_j‖², so that
               an encoder learned for the layer can give the important position the more exact products

        Compare: Xiao et al., SmoothQuant, 2022, which balances channels for quantisation.
        """
        spread = moments.centred().second.diagonal().clamp_min(0).sqrt()
        size = weight.double().square().mean(dim=1).sqrt()
        usable = (spread > 0) & (size > 0)
        scale = torch.where(usable, (size / spread.clamp_min(1e-300)).sqrt(), torch.ones_like(size))
        # A channel that hardly varies must not be blown up when it once does.
        scale = scale.clamp(scale.median() / 100, scale.median() * 100)
        ranked = torch.argsort(spread * size, descending=True, stable=True)
        whole = len(ranked) // m * m
        order = torch.cat([ranked[:whole].reshape(m, -1).T.reshape(-1), ranked[whole:]])
        return cls(moments.mean, scale, order)

    def moments(self, moments: Moments) -> Moments:
        """The moments of z, for those of x."""
        shifted = moments.centred() if bool(self.mean.any()) else moments
        return shifted.mapped(self.scale, self.order)

    def weight(self, weight: Tensor) -> Tensor:
        """W' (K, N) for W (K, N), rows in tiling order, float64."""
        return (weight.double() / self.scale[:, None])[self.order]
