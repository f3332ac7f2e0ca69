"""The least-squares problem of a calibrated layer: encoded weights that give the dense output, from second moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from stl_algebra import Format
from stl_nn.calibration.moments import Moments

#: Tiles of the inner dimension that are worked on at once.
CHUNK = 16
#: Bytes of the matrix that `error` works on at once.
CHUNK_BYTES = 1 << 28


@dataclass(frozen=True)
class TileSystem:
    """The squared output error of a layer as a quadratic form in its encoded weights.

    With Φ[i,(k,s)] = (E_X vec X_ik)_s over tile rows i, and encoded weights w̃ (K/m·r, N/p), the mean over tile rows
    of ‖Ŷ − Y‖² is

        energy − 2⟨w̃, B⟩ + ⟨w̃, A w̃⟩,    A = (ΦᵀΦ) ∘ (1 ⊗ DᵀD ⊗ 1),    B = Φ-weighted Dᵀ Y

    the same A for every tile column of W. ΦᵀΦ and B depend on the inputs only through their second moments within
    and between the tiles of one tile row, so nothing here ever sees an activation.

    moments  (k, nm, k, nm)  E vec(X_k) vec(X_k')ᵀ over the k = K/m tiles of a tile row
    weight   (K, J, p)       the dense weight, padded, its J = N/p tile columns
    energy   E‖Y‖² of a tile row
    rows     rows of inputs that the moments were gathered from

    Differentiable in the encoder. Source: DESIGN §3; variable projection: Golub, Pereyra, 1973.
    """

    format: Format
    moments: Tensor
    weight: Tensor
    energy: Tensor
    rows: int

    @classmethod
    def of(cls, format: Format, moments: Moments, weight: Tensor) -> TileSystem:
        """The system of a weight W (K, N) whose inputs have these moments; padded to whole tiles by zeros.

        A padded column of W counts as an output that ought to be zero.

        >>> seen = Moments(1, torch.zeros(1), torch.ones(1, 1, 1))
        >>> float(TileSystem.of(Format(1, 1, 1), seen, torch.full((1, 1), 3.0)).energy)
        9.0
        """
        n, m, p = format
        more, right = -weight.shape[0] % m, -weight.shape[1] % p
        rows, dense = moments.tile_moments(n).double(), weight.double()  # (n, K, n, K), (K, N)
        if more:  # a copy of what may be gigabytes
            rows = pad(rows, (0, more, 0, 0, 0, more))
        dense = pad(dense, (0, right, 0, more))
        features = len(dense)
        second = torch.einsum("iaib->ab", rows)
        tiles = features // m
        return cls(
            format,
            rows.reshape(n, tiles, m, n, tiles, m).permute(1, 0, 2, 4, 3, 5).reshape(tiles, n * m, tiles, n * m),
            dense.reshape(features, -1, p),
            torch.sum(dense * (second @ dense)),
            moments.count,
        )

    @property
    def tiles(self) -> int:
        """k = K/m."""
        return self.moments.shape[0]

    def mean_tile_moment(self) -> NDArray[np.float64]:
        """Σ_X (n·m, n·m), the mean over the tiles of a tile row."""
        moment: NDArray[np.float64] = (torch.einsum("kakb->ab", self.moments) / self.tiles).numpy()
        return moment

    def mean_weight_moment(self) -> NDArray[np.float64]:
        """Σ_W (m·p, m·p), the mean over all tiles of the weight."""
        _, m, p = self.format
        tiles = self.weight.reshape(self.tiles, m, -1, p).permute(0, 2, 1, 3).reshape(-1, m * p)
        moment: NDArray[np.float64] = (tiles.T @ tiles / len(tiles)).numpy()
        return moment

    def subset(self, tiles: Tensor, columns: Tensor) -> TileSystem:
        """The system of some tiles of the inner dimension and some tile columns of the weight alone."""
        n, m, _ = self.format
        channels = (tiles[:, None] * m + torch.arange(m)).reshape(-1)
        moments = self.moments[tiles][:, :, tiles].contiguous()
        weight = self.weight[channels][:, columns].contiguous()
        blocks = moments.reshape(len(tiles), n, m, len(tiles), n, m)
        second = torch.einsum("kiclid->kcld", blocks).reshape(len(channels), -1)
        dense = weight.flatten(1)
        return TileSystem(self.format, moments, weight, torch.sum(dense * (second @ dense)), self.rows)

    def normal(self, encode_x: Tensor, decode: Tensor) -> Tensor:
        """A, shape (k·r, k·r), for E_X (r, n·m) and D (n·p, r)."""
        gram = decode.T @ decode
        size = self.tiles * len(encode_x)
        if torch.is_grad_enabled() and (encode_x.requires_grad or decode.requires_grad):
            return self._normal_rows(self.moments, encode_x, gram).reshape(size, size)
        return self.normal_rows(range(self.tiles), encode_x, decode)

    def normal_rows(self, tiles: range, encode_x: Tensor, decode: Tensor) -> Tensor:
        """The rows of A that belong to some tiles of the inner dimension, shape (len(tiles)·r, k·r)."""
        n, m, _ = self.format
        rank, gram = len(encode_x), decode.T @ decode
        weighted = (encode_x * gram[:, :, None]).mT  # (r, nm, r): E_Xᵀ weighted by the row of DᵀD of each channel
        normal = encode_x.new_empty(len(tiles), rank, self.tiles, rank)
        for row, moments in zip(normal, self.moments[tiles.start : tiles.stop], strict=True):
            half = (encode_x @ moments.flatten(1)).reshape(rank, self.tiles, n * m)
            torch.bmm(half, weighted, out=row)
        return normal.reshape(len(tiles) * rank, -1)

    def right_side(self, encode_x: Tensor, decode: Tensor) -> Tensor:
        """B, shape (k·r, J)."""
        n, m, p = self.format
        rank, tiles = len(encode_x), self.tiles
        # Over (a, i) for a an entry of the tile of X: what the product of it and row i of Y adds to (s, c).
        both = torch.einsum("sa,ics->aisc", encode_x, decode.reshape(n, p, rank)).reshape(-1, rank * p)
        columns = self.weight.permute(0, 2, 1).reshape(tiles * m * p, -1)
        parts = []
        for start in range(0, tiles, CHUNK):
            moments = self.moments[start : start + CHUNK].reshape(-1, n * m, tiles, n, m)
            mixed = moments.permute(0, 2, 4, 1, 3).reshape(-1, n * m * n) @ both
            parts.append(mixed.reshape(-1, tiles, m, rank, p).permute(0, 3, 1, 2, 4).flatten(2).flatten(0, 1) @ columns)
        return torch.cat(parts)

    def error(self, encode_x: Tensor, decode: Tensor, encoded: Tensor) -> float:
        """E‖Ŷ − Y‖² / E‖Y‖² for encoded weights (r, k, J): the data-aware relative error, cross-tile terms included.

        As tr(ΔᵀΣΔ), with Δ what the output takes of each entry of a tile row, less what it should: nothing cancels, so
        single precision does.
        """
        if not self.energy:
            return 0.0
        n, m, p = self.format
        tiles, entries, columns = self.tiles, n * m, self.weight.shape[1]
        of_channel = torch.einsum("sa,cs->acs", encode_x, decode).flatten(0, 1)  # (nm·np, r)
        weight = self.weight.reshape(tiles, m, columns, p)
        step = max(1, CHUNK_BYTES // (8 * tiles * entries * n * p))
        total = 0.0
        for start in range(0, columns, step):
            some = slice(start, start + step)
            taken = of_channel @ encoded[:, :, some].double().flatten(1)
            taken = taken.reshape(n, m, n, p, tiles, -1)
            for i in range(n):
                taken[i, :, i] -= weight[:, :, some].permute(1, 3, 0, 2)
            taken = taken.permute(4, 0, 1, 5, 2, 3).reshape(tiles * entries, -1).float()
            for first in range(0, tiles, CHUNK):  # Σ is symmetric: what is right of its diagonal counts twice
                rows = self.moments[first : first + CHUNK, :, first:].flatten(2).flatten(0, 1).float()
                own = taken[first * entries : first * entries + len(rows)]
                rows[:, len(rows) :] *= 2
                total += float(torch.sum(own * (rows @ taken[first * entries :]), dtype=torch.float64))
        return total / float(self.energy)

    @staticmethod
    def _normal_rows(moments: Tensor, encode_x: Tensor, gram: Tensor) -> Tensor:
        """(k, r, l, r) for the moments (k, nm, l, nm) of some tiles with all."""
        tiles, entries, others, _ = moments.shape
        half = (encode_x @ moments.reshape(tiles, entries, -1)).reshape(-1, entries)
        return (half @ encode_x.T).reshape(tiles, -1, others, len(encode_x)) * gram[:, None, :]
