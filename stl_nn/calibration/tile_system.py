"""The least-squares problem of a calibrated layer: encoded weights that give the dense output, from second moments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from stl_algebra import Format, InvalidInput, TileMoments
from stl_nn.calibration.moments import InputMoments
from stl_nn.calibration.normal_matrix import NormalMatrix


@dataclass(frozen=True)
class TileSystem:
    """The squared output error of a layer as a quadratic form in its encoded weights.

    It is differentiable in the encoder.

    Parameters
    ----------
    format : Format
        ⟨n,m,p⟩.
    moments : Tensor
        E vec(X_k) vec(X_k')ᵀ over the k = K/m tiles of a tile row, (k, nm, k, nm); of two rows of a tile row they
        depend on the distance alone.
    weight : Tensor
        The dense weight, padded, with its J = N/p tile columns, (K, J, p).
    energy : Tensor
        E‖Y‖² of a tile row.
    rows : int
        Rows of inputs that the moments were gathered from.

    Notes
    -----
    With Φ[i,(k,s)] = (E_X vec X_ik)_s over tile rows i, and encoded weights w̃ (K/m·r, N/p), the mean over tile rows of
    ‖Ŷ − Y‖² is energy − 2⟨w̃, B⟩ + ⟨w̃, A w̃⟩, with A = (ΦᵀΦ) ∘ (1 ⊗ DᵀD ⊗ 1) and B the Φ-weighted Dᵀ Y. A is the same
    for every tile column of W. ΦᵀΦ and B depend on the inputs only through their second moments within and between the
    tiles of one tile row, so no activation is ever needed.

    References
    ----------
    Variable projection: Golub, Pereyra, 1973.
    """

    format: Format
    moments: Tensor
    weight: Tensor
    energy: Tensor
    rows: int

    @classmethod
    def of(cls, format: Format, moments: InputMoments, weight: Tensor) -> TileSystem:
        """The system of a weight and the moments of its inputs, padded to whole tiles by zeros.

        A padded column of W counts as an output that ought to be zero.

        Parameters
        ----------
        format : Format
            ⟨n,m,p⟩.
        moments : InputMoments
            Those of the inputs, with at least n lags.
        weight : Tensor
            W, (K, N).

        Returns
        -------
        TileSystem
            The system.

        Examples
        --------
        >>> seen = InputMoments(1, torch.zeros(1), torch.ones(1, 1, 1))
        >>> float(TileSystem.of(Format(1, 1, 1), seen, torch.full((1, 1), 3.0)).energy)
        9.0
        """
        n, m, p = format
        more, right = -weight.shape[0] % m, -weight.shape[1] % p
        dense = pad(weight.double(), (0, right, 0, more))
        features = len(dense)
        tiles = features // m
        lagged = [pad(one.double(), (0, more, 0, more)).reshape(tiles, m, tiles, m) for one in moments.reaching(n)]
        whole = dense.new_empty(tiles, n, m, tiles, n, m)  # at once where it belongs: it can be gigabytes
        for i in range(n):
            for j in range(n):
                whole[:, i, :, :, j] = lagged[j - i] if j >= i else lagged[i - j].permute(2, 3, 0, 1)
        return cls(
            format,
            whole.reshape(tiles, n * m, tiles, n * m),
            dense.reshape(features, -1, p),
            n * torch.sum(dense * (lagged[0].reshape(features, features) @ dense)),
            moments.count,
        )

    @property
    def tiles(self) -> int:
        """The number of tiles, k = K/m."""
        return self.moments.shape[0]

    def mean_tile_moment(self) -> NDArray[np.float64]:
        """Σ_X (n·m, n·m), the mean over the tiles of a tile row.

        Returns
        -------
        ndarray
            Σ_X, (n·m, n·m).
        """
        moment: NDArray[np.float64] = (torch.einsum("kakb->ab", self.moments) / self.tiles).numpy()
        return moment

    def mean_weight_moment(self) -> NDArray[np.float64]:
        """Σ_W (m·p, m·p), the mean over all tiles of the weight.

        Returns
        -------
        ndarray
            Σ_W, (m·p, m·p).
        """
        _, m, p = self.format
        tiles = self.weight.reshape(self.tiles, m, -1, p).permute(0, 2, 1, 3).reshape(-1, m * p)
        moment: NDArray[np.float64] = (tiles.T @ tiles / len(tiles)).numpy()
        return moment

    @cached_property
    def tile_moments(self) -> TileMoments | None:
        """The mean second moments, by which encoders are judged; None if all products of the mean tiles are zero."""
        try:
            return TileMoments(self.format, self.mean_tile_moment(), self.mean_weight_moment())
        except InvalidInput:
            return None

    def subset(self, tiles: Tensor, columns: Tensor) -> TileSystem:
        """The system of some tiles of the inner dimension and some tile columns of the weight alone.

        Parameters
        ----------
        tiles, columns : Tensor
            Their numbers.

        Returns
        -------
        TileSystem
            The smaller system.
        """
        n, m, _ = self.format
        channels = (tiles[:, None] * m + torch.arange(m)).reshape(-1)
        moments = self.moments[tiles][:, :, tiles].contiguous()
        weight = self.weight[channels][:, columns].contiguous()
        blocks = moments.reshape(len(tiles), n, m, len(tiles), n, m)
        second = torch.einsum("kiclid->kcld", blocks).reshape(len(channels), -1)
        dense = weight.flatten(1)
        return TileSystem(self.format, moments, weight, torch.sum(dense * (second @ dense)), self.rows)

    def normal(self, encode_x: Tensor, decode: Tensor) -> Tensor:
        """A, (k·r, k·r): for small systems, see `normal_matrix`.

        Parameters
        ----------
        encode_x, decode : Tensor
            E_X (r, n·m) and D (n·p, r).

        Returns
        -------
        Tensor
            (k·r, k·r), differentiable in the encoder.
        """
        tiles, entries, *_ = self.moments.shape
        size, gram = tiles * len(encode_x), decode.T @ decode
        half = (encode_x @ self.moments.reshape(tiles, entries, -1)).reshape(-1, entries)
        blocks = (half @ encode_x.T).reshape(tiles, -1, tiles, len(encode_x)) * gram[:, None, :]
        return blocks.reshape(size, size)

    def normal_matrix(self, encode_x: Tensor, decode: Tensor, tiles: range, others: range) -> NormalMatrix:
        """The rows of A that belong to some tiles, the columns that belong to others: made as they are needed.

        Parameters
        ----------
        encode_x, decode : Tensor
            E_X (r, n·m) and D (n·p, r).
        tiles, others : range
            The tiles.

        Returns
        -------
        NormalMatrix
            The part of A.
        """
        moments = self.moments[tiles.start : tiles.stop, :, others.start : others.stop]
        return NormalMatrix(moments, encode_x, decode)

    def right_side(self, encode_x: Tensor, decode: Tensor) -> Tensor:
        """B, (k·r, J).

        Parameters
        ----------
        encode_x, decode : Tensor
            E_X (r, n·m) and D (n·p, r).

        Returns
        -------
        Tensor
            (k·r, J).
        """
        n, m, p = self.format
        rank = len(encode_x)
        encode_x, decode = encode_x.reshape(rank, n, m), decode.reshape(n, p, rank)
        # Over the difference of i' and i: what x_i of a tile of X and y_i' of one of Y have to do with each other.
        both = []
        for lag in range(1 - n, n):
            inputs, outputs = encode_x[:, max(0, -lag) : n - max(0, lag)], decode[max(0, lag) : n - max(0, -lag)]
            both.append(torch.einsum("sib,ips->sbp", inputs, outputs))
        parts = torch.stack(both, dim=1).reshape(rank, -1) @ self._outputs
        return parts.reshape(rank, self.tiles, -1).transpose(0, 1).flatten(0, 1)

    @cached_property
    def _outputs(self) -> Tensor:
        """E x_i y_i'ᵀ at the lags i' − i = 1−n … n−1, on which alone it depends, as (2n−1 · m·p, k·J)."""
        n, m, p = self.format
        dense = self.weight.flatten(1)
        blocks = self.moments.reshape(self.tiles, n, m, self.tiles, n, m)
        outputs = dense.new_empty(2 * n - 1, m, p, self.tiles, self.weight.shape[1])
        for lag in range(1 - n, n):
            moment = blocks[:, max(0, -lag), :, :, max(0, lag)].reshape(len(dense), -1)
            outputs[lag + n - 1] = (moment @ dense).reshape(self.tiles, m, -1, p).permute(1, 3, 0, 2)
        return outputs.reshape(-1, self.tiles * self.weight.shape[1])

    def error(self, encode_x: Tensor, decode: Tensor, encoded: Tensor) -> float:
        """E‖Ŷ − Y‖² / E‖Y‖² for encoded weights: the relative error on these inputs, cross-tile terms included.

        Parameters
        ----------
        encode_x, decode : Tensor
            E_X (r, n·m) and D (n·p, r).
        encoded : Tensor
            (r, k, J).

        Returns
        -------
        float
            The relative error; 0 if the output is zero.
        """
        energy = float(self.energy)
        if not energy:
            return 0.0
        whole = range(self.tiles)
        weights = encoded.double().transpose(0, 1).flatten(0, 1)
        normal = self.normal_matrix(encode_x, decode, whole, whole)
        cross = float(torch.sum(weights * self.right_side(encode_x, decode)))
        return max(energy - 2 * cross + normal.energy(weights), 0.0) / energy
