"""Preparing a layer's output channels for tiling: their scale and their order, by how much the network feels them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from stl_nn.calibration.channels import tile_order

#: A channel counts as if the network felt this part of the mean more of it: what a sample of inputs tells of the least
#: felt is mostly noise.
LEAST_FELT = 0.02


@dataclass(frozen=True)
class Outputs:
    """What is done to the columns of a weight before they are tiled, W' = (W · scale)[:, order], and undone after.

    Least squares in the scaled outputs are least squares in what the network feels of them; in order, position q of
    every tile holds the q-th most important p-th of the channels, so that an encoder made for the layer can give them
    the more exact products.

    order  (N,)  the channels in the order in which p of them form a tile
    scale  (N,)  of the channels as they come
    """

    order: Tensor
    scale: Tensor

    @classmethod
    def identity(cls, features: int) -> Self:
        """Channels as they come.

        >>> Outputs.identity(2).order.tolist()
        [0, 1]
        """
        return cls(torch.arange(features), torch.ones(features, dtype=torch.float64))

    @classmethod
    def felt(cls, sensitivity: Tensor, energy: Tensor, p: int) -> Self:
        """For tiles of p channels, each with a sensitivity (N,), see `sensitivities`, and an energy (N,), E y².

        >>> Outputs.felt(torch.tensor([1.0, 4.0, 1.0, 4.0]), torch.ones(4), 2).order.tolist()
        [1, 0, 3, 2]
        """
        mean = sensitivity.mean()
        squares = sensitivity.double() / mean + LEAST_FELT if mean > 0 else torch.ones_like(sensitivity).double()
        return cls(tile_order(squares * energy, p), squares.sqrt())

    @property
    def is_identity(self) -> bool:
        """Whether nothing is to be undone."""
        return torch.equal(self.order, torch.arange(len(self.order))) and bool((self.scale == 1).all())

    def mapped(self, columns: Tensor) -> Tensor:
        """W' (..., N) for W (..., N), float64."""
        return (columns.double() * self.scale)[..., self.order]
