"""From a layer's input moments and weights to the moments of its tiles, which a weighted search minimises under."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from stl_algebra import Format, TileMoments
from stl_nn.calibration.moments import InputMoments


def layer_tile_moments(inputs: InputMoments, weight: Tensor, format: Format, source: str = "") -> TileMoments:
    """Second moments and means of vec(X_ik) and vec(W_kj), averaged over all positions i, k, j of a tile.

    K and N are filled up with zeros to whole tiles, as the operator does. Averaging over k forgets that some tile
    positions are larger than others; the search is for one encoder that serves them all.

    Parameters
    ----------
    inputs : InputMoments
        Moments of the rows of X, with at least n lags.
    weight : Tensor
        (N, K), as nn.Linear holds it: W is its transpose.
    format : Format
        ⟨n,m,p⟩.
    source : str
        What the moments are of, in words.

    Returns
    -------
    TileMoments
        Moments of tiles, as a search takes them.

    Examples
    --------
    >>> white = InputMoments(8, torch.zeros(2), torch.stack([torch.eye(2), torch.zeros(2, 2)]).double())
    >>> layer_tile_moments(white, torch.eye(2), Format(2, 2, 2)).second_x.tolist()[0]
    [1.0, 0.0, 0.0, 0.0]
    """
    n, m, p = format
    features = inputs.features
    room = -features % m
    second = torch.empty(n, m, n, m, dtype=torch.float64)
    for lag in range(n):
        blocks = pad(inputs.lagged[lag].double(), (0, room, 0, room)).unflatten(0, (-1, m)).unflatten(2, (-1, m))
        mean_block = torch.einsum("kakb->ab", blocks) / len(blocks)
        for i in range(n - lag):
            second[i, :, i + lag] = mean_block
            second[i + lag, :, i] = mean_block.T
    mean = pad(inputs.mean.double(), (0, room)).reshape(-1, m).mean(0)
    tiles = pad(weight.detach().double().T.cpu(), (0, -weight.shape[0] % p, 0, -weight.shape[1] % m))
    tiles = tiles.unflatten(0, (-1, m)).unflatten(2, (-1, p)).transpose(1, 2).reshape(-1, m * p)
    return TileMoments(
        format,
        second.reshape(n * m, n * m).numpy(),
        (tiles.T @ tiles / len(tiles)).numpy(),
        mean.expand(n, m).reshape(-1).numpy(),
        tiles.mean(0).numpy(),
        source,
    )
