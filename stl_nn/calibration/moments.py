"""Second moments of a layer's inputs, gathered as a stream: what every calibration is computed from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stl_algebra import InvalidInput
from stl_nn.calibration.lagged_products import lagged_products
from stl_nn.calibration.ridge import rising

#: Relative size of the diagonal added before a Cholesky factorisation.
DAMPING = 1e-6
#: Rows that are collected before they are multiplied, at most.
MOST_BUFFERED = 1 << 14


@dataclass(frozen=True)
class InputMoments:
    """First and second moments of the rows x_t ∈ R^K that enter a layer, in order, as float64.

    Without `first`, `last` and `paired` the ends of sequences are overlooked.

    Parameters
    ----------
    count : int
        The number of rows seen.
    mean : Tensor
        E x_t, (K,).
    lagged : Tensor
        E x_t x_{t+l}ᵀ for l = 0 … L−1, about zero, (L, K, K).
    first : Tensor or None
        E x_t over the rows t that have a row t + l, (L, K).
    last : Tensor or None
        E x_{t+l} over the same, (L, K).
    paired : Tensor or None
        The share of all rows that they are, (L,).

    Notes
    -----
    A tile holds n consecutive rows, so the second moments of a tile row are blocks of these, at lag |i − i'|. Averaging
    over all offsets rather than over whole tiles uses every row n times and does not depend on where a batch happens to
    be cut. All are sums over the rows that exist, divided by the number of all rows: beyond the ends of a sequence rows
    count as zero, as they do where a layer fills up its last tile. So the second moments of a tile row are positive
    semidefinite, centred or not.
    """

    count: int
    mean: Tensor
    lagged: Tensor
    first: Tensor | None = None
    last: Tensor | None = None
    paired: Tensor | None = None

    @property
    def features(self) -> int:
        """K."""
        return self.mean.shape[0]

    @property
    def second(self) -> Tensor:
        """E x xᵀ, (K, K)."""
        return self.lagged[0]

    def cholesky(self) -> Tensor:
        """Lower L (K, K) with L Lᵀ = E x xᵀ, its diagonal damped so that it exists.

        Returns
        -------
        Tensor
            L, (K, K).
        """
        return damped_cholesky(self.second)

    def covariance(self) -> Tensor:
        """E (x − E x)(x − E x)ᵀ, (K, K): the second moments of `centred`.

        Returns
        -------
        Tensor
            (K, K).
        """
        return self.second - torch.outer(self.mean, self.mean)

    def centred(self) -> InputMoments:
        """The moments of x − E x.

        Returns
        -------
        InputMoments
            The moments.
        """
        mean = self.mean
        if self.first is None or self.last is None or self.paired is None:
            about = torch.outer(mean, mean)
        else:
            about = self.first[:, :, None] * mean + mean[:, None] * self.last[:, None, :]
            about -= self.paired[:, None, None] * torch.outer(mean, mean)
        return InputMoments(self.count, torch.zeros_like(mean), self.lagged - about)

    def reaching(self, n: int) -> Tensor:
        """The moments (n, K, K) at the lags that tiles of n rows take.

        Parameters
        ----------
        n : int
            Rows of a tile.

        Returns
        -------
        Tensor
            (n, K, K).

        Raises
        ------
        InvalidInput
            If there are fewer lags.
        """
        if n > len(self.lagged):
            raise InvalidInput(f"moments of {len(self.lagged)} lags do not reach tiles of {n} rows; gather them anew")
        return self.lagged[:n]


def damped_cholesky(matrix: Tensor, damping: float = DAMPING) -> Tensor:
    """The Cholesky factor of a positive semidefinite matrix with a raised diagonal.

    Parameters
    ----------
    matrix : Tensor
        (K, K).
    damping : float
        By how much the diagonal is raised, as a share of its mean. It grows tenfold until the factor exists: moments of
        fewer rows than features are singular, and their rounding errors can outweigh a small damping.

    Returns
    -------
    Tensor
        The lower factor, (K, K).

    Raises
    ------
    InvalidInput
        If the matrix is not finite or far from positive semidefinite.

    Examples
    --------
    >>> damped_cholesky(torch.diag(torch.tensor([4.0, 0.0], dtype=torch.float64)))[0, 0] > 2
    tensor(True)
    """
    unit = matrix.diagonal().mean().clamp_min(torch.finfo(matrix.dtype).tiny)
    for ridge in rising(damping):
        damped = matrix.clone()
        damped.diagonal().add_(ridge * unit)
        factor, failed = torch.linalg.cholesky_ex(damped)
        if not failed:
            return factor
    raise InvalidInput(
        f"second moments of {len(matrix)} features are not finite or far from positive semidefinite; gather them anew"
    )


class MomentSums:
    """The running sums behind `InputMoments`, over sequences that are each in order.

    Products are taken of x − s, s being the mean of the first rows: inputs far from zero would leave nothing but
    rounding of how they vary. Short sequences are collected, with rows of zero between them, until products of them are
    worth while: in a buffer of at most `buffered_rows`, beside sums of 8·lags·K² bytes.

    Parameters
    ----------
    features : int
        K.
    lags : int
        The number of lags, L.

    Examples
    --------
    >>> sums = MomentSums(features=2, lags=1)
    >>> sums.add(torch.ones(3, 2))
    >>> sums.result().second.tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """

    def __init__(self, features: int, lags: int) -> None:
        self._pairs = [0] * lags
        self._first = torch.zeros(lags, features, dtype=torch.float64)
        self._last = torch.zeros(lags, features, dtype=torch.float64)
        self._shift: Tensor | None = None
        self._products = torch.zeros(lags, features, features, dtype=torch.float64)
        self._buffer = torch.empty(buffered_rows(features, lags), features)
        self._filled = 0

    @torch.no_grad()
    def add(self, rows: Tensor) -> None:
        """Add a sequence of rows.

        Parameters
        ----------
        rows : Tensor
            (..., K), all but the last axis flattened.

        Raises
        ------
        InvalidInput
            If one is not finite.
        """
        rows = rows.detach().reshape(-1, rows.shape[-1]).cpu()
        if not len(rows):
            return
        total = column_sums(rows)
        if self._shift is None:
            self._shift = (total / len(rows)).float()
        for lag in range(min(len(self._pairs), len(rows))):
            pairs = len(rows) - lag
            self._first[lag] += total - rows[pairs:].sum(dim=0, dtype=torch.float64)
            self._last[lag] += total - rows[:lag].sum(dim=0, dtype=torch.float64)
            self._pairs[lag] += pairs
        self._collect(rows, self._shift)

    def _collect(self, rows: Tensor, shift: Tensor) -> None:
        # Between one sequence and the next: as many rows of zero as no lag reaches over.
        taken = len(rows) + len(self._pairs) - 1
        if self._filled + taken > len(self._buffer):
            self._flush()
        if taken > len(self._buffer):
            self._products += lagged_products((rows - shift).float(), len(self._pairs))
            return
        torch.sub(rows, shift, out=self._buffer[self._filled : self._filled + len(rows)])
        self._buffer[self._filled + len(rows) : self._filled + taken] = 0
        self._filled += taken

    def _flush(self) -> None:
        """Float32 products of what is collected, added up in float64: BLAS speed, no drift."""
        if self._filled:
            self._products += lagged_products(self._buffer[: self._filled], len(self._pairs))
            self._filled = 0

    def result(self) -> InputMoments:
        """The moments so far.

        Returns
        -------
        InputMoments
            The moments.

        Raises
        ------
        InvalidInput
            If no rows were seen.
        """
        if self._shift is None:
            raise InvalidInput("the calibration loader yields nothing for this layer; give it at least one batch")
        self._flush()
        count = self._pairs[0]
        lagged, first, last = self._products / count, self._first / count, self._last / count
        paired, shift = torch.tensor(self._pairs, dtype=torch.float64) / count, self._shift.double()
        # Of x x'ᵀ, with (x − s)(x' − s)ᵀ in the sums.
        for products, x, after, part in zip(lagged, first, last, paired, strict=True):
            products.addr_(x - part * shift, shift).addr_(shift, after)
        lagged[0] = (lagged[0] + lagged[0].T) / 2
        return InputMoments(count, first[0], lagged, first, last, paired)


def column_sums(rows: Tensor) -> Tensor:
    """The sums of the columns of rows that enter a layer, in float64.

    Parameters
    ----------
    rows : Tensor
        (T, K).

    Returns
    -------
    Tensor
        (K,).

    Raises
    ------
    InvalidInput
        If they are not finite.

    Examples
    --------
    >>> column_sums(torch.ones(3, 2)).tolist()
    [3.0, 3.0]
    """
    total = rows.sum(dim=0, dtype=torch.float64)
    if not bool(torch.isfinite(total).all()):
        raise InvalidInput("the calibration inputs make NaN or infinity in the network; check them and the model")
    return total


def buffered_rows(features: int, lags: int) -> int:
    """The rows that `MomentSums` collects before it multiplies them; with one lag none, as there is nothing to gain.

    Parameters
    ----------
    features, lags : int
        As of `MomentSums`.

    Returns
    -------
    int
        The number of rows.

    Examples
    --------
    >>> buffered_rows(576, 4), buffered_rows(576, 1)
    (3456, 0)
    """
    return min(2 * (lags - 1) * features, MOST_BUFFERED)


def moment_bytes(features: int, lags: int) -> int:
    """The bytes that `MomentSums` holds.

    Parameters
    ----------
    features, lags : int
        As of `MomentSums`.

    Returns
    -------
    int
        The number of bytes.

    Examples
    --------
    >>> moment_bytes(576, 1) == 8 * 576**2
    True
    """
    return 8 * lags * features**2 + 4 * buffered_rows(features, lags) * features
