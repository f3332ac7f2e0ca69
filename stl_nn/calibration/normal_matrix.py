"""The normal matrix of a refit, made anew by rows whenever it is needed, because as a whole it can take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

#: Bytes of the rows that are held at once.
CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class NormalMatrix:
    """A = (ΦᵀΦ) ∘ (1 ⊗ DᵀD ⊗ 1) of a `TileSystem`, or the part of it for some tiles against others, float64.

    Its shape is (k·r, l·r), for k tiles against l. Making a row takes nm multiplications an entry, a product with J
    columns takes J.

    Parameters
    ----------
    moments : Tensor
        E vec(X_k) vec(X_l)ᵀ, (k, nm, l, nm).
    encode_x : Tensor
        E_X, (r, nm).
    decode : Tensor
        D, (np, r).

    Examples
    --------
    >>> one = torch.ones(1, 1, dtype=torch.float64)
    >>> float(NormalMatrix(torch.full((1, 1, 1, 1), 3.0).double(), one, 2 * one).times(one))
    12.0
    """

    moments: Tensor
    encode_x: Tensor
    decode: Tensor

    def diagonal(self) -> Tensor:
        """The diagonal, (k·r,), for tiles against themselves.

        Returns
        -------
        Tensor
            (k·r,).
        """
        own = torch.einsum("kakb->kab", self.moments)
        squares = torch.einsum("sa,kab,sb->ks", self.encode_x, own, self.encode_x)
        return (squares * self.decode.square().sum(dim=0)).flatten()

    def times(self, x: Tensor) -> Tensor:
        """A x, (k·r, J).

        Parameters
        ----------
        x : Tensor
            (l·r, J).

        Returns
        -------
        Tensor
            (k·r, J).
        """
        product = x.new_empty(len(self.moments) * len(self.encode_x), x.shape[1])
        for start, rows in self._rows():
            torch.mm(rows, x, out=product[start : start + len(rows)])
        return product

    def energy(self, x: Tensor) -> float:
        """⟨x, A x⟩ for tiles against themselves, at half the work of `times`.

        Parameters
        ----------
        x : Tensor
            (k·r, J).

        Returns
        -------
        float
            The energy.
        """
        total = 0.0
        for start, rows in self._rows(upper=True):
            end = start + len(rows)
            own, right = x[start:end], x[end:]
            total += float(torch.sum(own * (rows[:, : len(own)] @ own + 2 * (rows[:, len(own) :] @ right))))
        return total

    def upper(self, dtype: torch.dtype) -> Tensor:
        """A matrix whose upper triangle is that of A, for tiles against themselves; below it is anything.

        Parameters
        ----------
        dtype : dtype
            Of the matrix.

        Returns
        -------
        Tensor
            (k·r, k·r).
        """
        size = len(self.moments) * len(self.encode_x)
        matrix = self.moments.new_empty(size, size, dtype=dtype)
        for start, rows in self._rows(upper=True):
            matrix[start : start + len(rows), start:] = rows
        return matrix

    def _rows(self, upper: bool = False) -> Iterator[tuple[int, Tensor]]:
        """(number of the first, rows of A) for some rows at a time, each time in the same memory.

        With `upper` they begin at the diagonal.
        """
        tiles, entries, others, _ = self.moments.shape
        rank = len(self.encode_x)
        weighted = (self.encode_x * (self.decode.T @ self.decode)[:, :, None]).mT  # (r, nm, r)
        step = min(tiles, max(1, CHUNK_BYTES // (8 * rank * others * rank)))
        memory = self.moments.new_empty(step * rank * others * rank)
        for start in range(0, tiles, step):
            first = start if upper else 0
            some = self.moments[start : start + step, :, first:]
            rows = memory[: len(some) * rank * some.shape[2] * rank].view(len(some), rank, -1, rank)
            for row, moments in zip(rows, some, strict=True):
                half = (self.encode_x @ moments.flatten(1)).reshape(rank, -1, entries)
                torch.bmm(half, weighted, out=row)
            yield start * rank, rows.view(len(some) * rank, -1)
