"""Preparing a layer's output channels for tiling: their scale and their order, by the network's sensitivity to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from stl_nn.calibration.channels import tile_order

#: This part of the mean is added to the sensitivity of every channel: a sample of inputs measures little but
#: noise of the least sensitive ones.
LEAST_SENSITIVITY = 0.02


@dataclass(frozen=True)
class Outputs:
    """What is done to the columns of a weight before they are tiled, W' = (W · scale)[:, order], and undone after.

    Least squares in the scaled outputs are least squares in the sensitivity-weighted ones. In order, position q of
    every tile holds the q-th most important p-th of the channels, so that an encoder made for the layer can give them
    the more exact products.

    Parameters
    ----------
    order : Tensor
        The channels in the order in which p of them form a tile, (N,).
    scale : Tensor
        Of the channels as they come, (N,).
    """

    order: Tensor
    scale: Tensor

    @classmethod
    def identity(cls, features: int) -> Self:
        """Channels as they come.

        Parameters
        ----------
        features : int
            N.

        Returns
        -------
        Self
            The channels.

        Examples
        --------
        >>> Outputs.identity(2).order.tolist()
        [0, 1]
        """
        return cls(torch.arange(features), torch.ones(features, dtype=torch.float64))

    @classmethod
    def weighted(cls, sensitivity: Tensor, energy: Tensor, p: int) -> Self:
        """Channels that count by the sensitivity of the network to them.

        Parameters
        ----------
        sensitivity : Tensor
            (N,), see `sensitivities`.
        energy : Tensor
            E y² of each channel, (N,).
        p : int
            Channels of a tile.

        Returns
        -------
        Self
            The channels.

        Examples
        --------
        >>> Outputs.weighted(torch.tensor([1.0, 4.0, 1.0, 4.0]), torch.ones(4), 2).order.tolist()
        [1, 0, 3, 2]
        """
        mean = sensitivity.mean()
        squares = sensitivity.double() / mean + LEAST_SENSITIVITY if mean > 0 else torch.ones_like(sensitivity).double()
        return cls(tile_order(squares * energy, p), squares.sqrt())

    @property
    def is_identity(self) -> bool:
        """Whether nothing is to be undone."""
        return torch.equal(self.order, torch.arange(len(self.order))) and bool((self.scale == 1).all())

    def mapped(self, columns: Tensor) -> Tensor:
        """W' (..., N), float64.

        Parameters
        ----------
        columns : Tensor
            W, (..., N).

        Returns
        -------
        Tensor
            W', (..., N), float64.
        """
        return (columns.double() * self.scale)[..., self.order]
