"""Second moments of tiles: the error of an encoder on inputs that are not white."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.encoder import Factors, TileEncoder
from stl_algebra.error import error_at_precision, growth, residual
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.precision import Precision
from stl_algebra.tensor import matmul_tensor

Array = NDArray[np.float64]

#: Eigenvalues of a second moment are raised to this part of their mean, so that its root can be inverted.
RIDGE = 1e-6
#: How far, relative to the largest entry or eigenvalue, a matrix may be from symmetric or semidefinite.
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second moments of vec(X_ik) and vec(W_kj), row-major, over the tiles of a product Y = X W:

        second_x  Σ_X = E vec(X) vec(X)ᵀ  (n·m, n·m)      second_w  Σ_W = E vec(W) vec(W)ᵀ  (m·p, m·p)
        mean_x    μ_X = E vec(X)  (n·m,)                  mean_w    μ_W = E vec(W)  (m·p,)

    With R an encoder's residual tensor, R(x, w) = R contracted with x and w, the error of an output tile is
    Σ_k R(x_k, w_k) over the K tiles of the inner dimension. Where X and W are independent and different tiles
    are correlated through their means only, E x_k x_lᵀ is Σ_X for k = l and μ_X μ_Xᵀ otherwise, so

        E‖Ŷ − Y‖² = K ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² + K (K − 1) ‖R(μ_X, μ_W)‖²

    and E‖Y‖² is the same with T for R. One tile (K = 1), or means of zero, leave the first term. It is the
    squared residual of an ordinary CP problem: in the coordinates u′ = Σ_X^½ u, v′ = Σ_W^½ v the target is
    T′ = (Σ_X^½ ⊗ Σ_W^½ ⊗ I) T. Growth there is Σ_s ‖u′_s‖² ‖v′_s‖² ‖w_s‖², since an encoded entry has the second
    moment u_sᵀ Σ_X u_s and roundings of different tiles are independent. Scales of X and W do not matter:
    moments are scaled so that ‖T′‖² = n·m·p, which makes identity moments the unweighted problem.

    Eigenvalues below RIDGE times their mean are raised to it: what never occurs costs next to nothing, but an
    encoder stays finite there. Raises InvalidInput where a shape does not fit the format, an entry is not
    finite, a second moment is not symmetric positive semidefinite, or X W is zero under them.

    >>> from stl_algebra import classical
    >>> white = Moments(Format(2, 2, 2), np.eye(4), np.eye(4))
    >>> white.relative_error(classical(Format(2, 2, 2)))
    0.0

    Source: arXiv 2503.12211 (the operator); Smilde, Bro, Geladi, Multi-way analysis, 2004, ch. 9 (whitening of
    weighted least-squares CP).
    """

    format: Format
    second_x: Array
    second_w: Array
    mean_x: Array | None = None
    mean_w: Array | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for side, size in (("x", self.format.sizes[0]), ("w", self.format.sizes[1])):
            second = _checked(getattr(self, f"second_{side}"), (size, size), f"second_{side}", self.format)
            mean = getattr(self, f"mean_{side}")
            mean = np.zeros(size) if mean is None else _checked(mean, (size,), f"mean_{side}", self.format)
            second = _semidefinite(second, f"second_{side}")
            # The scale of X is free: let its entries have mean square 1.
            scale = np.trace(second) / size
            object.__setattr__(self, f"second_{side}", second / scale)
            object.__setattr__(self, f"mean_{side}", mean / np.sqrt(scale))
        energy = float(np.vdot(self._by_seconds(matmul_tensor(self.format)), matmul_tensor(self.format)))
        if energy < 10 * RIDGE * self.format.products:
            raise InvalidInput("under these moments every product X W is zero; there is no relative error to minimise")
        scale = self.format.products / energy
        object.__setattr__(self, "second_w", self.second_w * scale)
        object.__setattr__(self, "mean_w", self._mean("w") * np.sqrt(scale))
        for name in ("second_x", "second_w", "mean_x", "mean_w"):
            getattr(self, name).setflags(write=False)

    def relative_error(self, encoder: TileEncoder, tiles: int = 1) -> float:
        """E‖Ŷ−Y‖² / E‖Y‖² with so many tiles K along the inner dimension.

        >>> from stl_algebra import strassen
        >>> u, v, w = (f[:6] for f in strassen().factors)
        >>> encoder = TileEncoder(Format(2, 2, 2), u, v, w.T)
        >>> white = Moments(Format(2, 2, 2), np.eye(4), np.eye(4))
        >>> bool(np.isclose(white.relative_error(encoder), encoder.relative_error))
        True
        """
        if encoder.ring.is_exact_for_reals:
            return 0.0
        rest = residual(self.format, *encoder.factors)
        return self._energy(rest, tiles) / self._whole_energy(tiles)

    def growth(self, encoder: TileEncoder) -> float:
        """Σ_s (u_sᵀ Σ_X u_s) (v_sᵀ Σ_W v_s) ‖w_s‖²."""
        return growth(*self.whitened(encoder.factors))

    def error_at(self, encoder: TileEncoder, precision: str | Precision, tiles: int = 1) -> float:
        """The relative error when the encoded operands are rounded to a precision."""
        # Rounding adds its part to every tile alike, the means none: E‖Y‖² is all that changes with K.
        share = self.format.products / self._whole_energy(tiles)
        error = self.relative_error(encoder, tiles)
        return error_at_precision(self.format, error, self.growth(encoder) * share, Precision.parse(precision))

    def whitened(self, factors: Factors) -> Factors:
        """(u Σ_X^½, v Σ_W^½, w): factors, one row a product, in the coordinates of `target`."""
        u, v, w = factors
        return u @ self.root_x, v @ self.root_w, w

    def restored(self, factors: Factors) -> Factors:
        """The inverse of `whitened`."""
        u, v, w = factors
        return np.asarray(np.linalg.solve(self.root_x, u.T).T), np.asarray(np.linalg.solve(self.root_w, v.T).T), w

    @cached_property
    def root_x(self) -> Array:
        """Σ_X^½, symmetric."""
        return _root(self.second_x)

    @cached_property
    def root_w(self) -> Array:
        """Σ_W^½, symmetric."""
        return _root(self.second_w)

    @cached_property
    def target(self) -> Array:
        """T′ = (Σ_X^½ ⊗ Σ_W^½ ⊗ I) T, (n·m, m·p, n·p), of squared norm n·m·p."""
        return np.einsum("abc,ad,be->dec", matmul_tensor(self.format), self.root_x, self.root_w, optimize=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the format and the moments, to nine digits of their largest entry."""
        content = hashlib.sha256(f"moments {self.format}".encode())
        for values in (self.second_x, self.second_w, self._mean("x"), self._mean("w")):
            unit = np.abs(values).max() or 1.0
            content.update(np.rint(values / unit * 1e9).astype("<i8").tobytes())
        return content.hexdigest()

    def _mean(self, side: str) -> Array:
        mean: Array = getattr(self, f"mean_{side}")
        return mean

    def _energy(self, tensor: Array, tiles: int) -> float:
        """‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) tensor‖² + (K − 1) ‖tensor(μ_X, μ_W)‖²."""
        if tiles < 1:
            raise InvalidInput(f"{tiles} tiles are no inner dimension; give at least 1")
        own = float(np.vdot(self._by_seconds(tensor), tensor))
        across = self._mean("w") @ np.tensordot(self._mean("x"), tensor, axes=1)
        return own + (tiles - 1) * float(across @ across)

    def _whole_energy(self, tiles: int) -> float:
        """E‖Y‖², which is nmp of a single tile by the scale of Σ_W."""
        if tiles == 1:
            return float(self.format.products)
        return self._energy(matmul_tensor(self.format), tiles)

    def _by_seconds(self, tensor: Array) -> Array:
        # Both are symmetric. What einsum plans for three factors takes longer than the products.
        by_both: Array = np.tensordot(self.second_x, self.second_w @ tensor, axes=1)
        return by_both


def _checked(values: ArrayLike, shape: tuple[int, ...], name: str, format: Format) -> Array:
    array = np.array(values, dtype=np.float64)
    if array.shape != shape:
        raise InvalidInput(f"{name} has shape {array.shape}; tiles of format {format} need {shape}")
    if not np.isfinite(array).all():
        raise InvalidInput(f"{name} has an entry that is not finite; measure the moments anew")
    return array


def _semidefinite(matrix: Array, name: str) -> Array:
    """The matrix made exactly symmetric, its eigenvalues raised to the ridge."""
    largest = np.abs(matrix).max()
    if largest == 0:
        raise InvalidInput(f"{name} is zero; moments of inputs that are all zero say nothing")
    matrix = matrix / largest  # squares of very large or small entries would overflow
    if np.abs(matrix - matrix.T).max() > TOLERANCE:
        raise InvalidInput(f"{name} is not symmetric; a second moment is E v vᵀ")
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    if values[0] < -TOLERANCE * values[-1]:
        raise InvalidInput(
            f"{name} is not positive semidefinite: its smallest eigenvalue is {values[0] * largest:.3g}, its largest "
            f"{values[-1] * largest:.3g}; a second moment is E v vᵀ"
        )
    if values[0] < RIDGE * values.mean():
        matrix = (vectors * np.maximum(values, RIDGE * values.mean())) @ vectors.T
    symmetric: Array = (matrix + matrix.T) / 2
    return symmetric * largest


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(values)) @ vectors.T
    return root
