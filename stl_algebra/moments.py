"""Second moments of tiles: the error of an encoder on inputs that are not white."""

from __future__ import annotations

import hashlib
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.error import error_at_precision, growth, residual
from stl_algebra.errors import InvalidInput
from stl_algebra.factors import Factors, FactorsLike
from stl_algebra.format import Format
from stl_algebra.notebook import figures_table
from stl_algebra.precision import Precision
from stl_algebra.tensor import matmul_tensor

Array = NDArray[np.float64]

#: Eigenvalues of a second moment are raised to this part of their mean, so that its root can be inverted.
RIDGE = 1e-6
#: How far, relative to the largest entry or eigenvalue, a matrix may be from symmetric or semidefinite.
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class TileMoments:
    """First and second moments of the tiles of a product Y = XW, which weight the error of an encoder.

    Tiles X_ik and W_kj are vectorised row-major. Scales of X and W do not matter: moments are scaled so that ‖T′‖² =
    n·m·p, which makes identity moments the unweighted problem.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    second_x : ndarray of float64, shape (n·m, n·m)
        Σ_X = E vec(X) vec(X)ᵀ, symmetric positive semidefinite.
    second_w : ndarray of float64, shape (m·p, m·p)
        Σ_W = E vec(W) vec(W)ᵀ, symmetric positive semidefinite.
    mean_x : ndarray of float64, shape (n·m,), optional
        μ_X = E vec(X), zero by default.
    mean_w : ndarray of float64, shape (m·p,), optional
        μ_W = E vec(W), zero by default.
    source : str, default ""
        What the moments were measured on, for the reader.

    Raises
    ------
    InvalidInput
        If a shape does not fit the format, an entry is not finite, a second moment is not symmetric positive
        semidefinite, or XW is zero under the moments.

    Notes
    -----
    Let R be the residual tensor of an encoder and R(x, w) its contraction with x and w. The error of an output tile is
    Σ_k R(x_k, w_k) over the K tiles of the inner dimension. If X and W are independent and different tiles are
    correlated through their means only, E x_k x_lᵀ is Σ_X for k = l and μ_X μ_Xᵀ otherwise, so

        E‖Ŷ − Y‖² = K ‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) R‖² + K (K − 1) ‖R(μ_X, μ_W)‖²

    and E‖Y‖² is the same with T in place of R. For one tile (K = 1), or for means of zero, only the first term is left.
    It is the squared residual of an ordinary CP problem: in the coordinates u′ = Σ_X^½ u, v′ = Σ_W^½ v the target is T′
    = (Σ_X^½ ⊗ Σ_W^½ ⊗ I) T. Growth is Σ_s ‖u′_s‖² ‖v′_s‖² ‖w_s‖² there, since an encoded entry has the second moment
    u_sᵀ Σ_X u_s and roundings of different tiles are independent.

    Eigenvalues below RIDGE times their mean are raised to that value. A direction that never occurs then costs next to
    nothing, and the encoder stays finite there.

    References
    ----------
    .. [1] ArXiv 2503.12211 (the operator).
    .. [2] Smilde, Bro, Geladi, Multi-way analysis, 2004, ch. 9 (whitening of weighted least-squares CP).

    Examples
    --------
    >>> from stl_algebra import classical
    >>> white = TileMoments(Format(2, 2, 2), np.eye(4), np.eye(4))
    >>> white.relative_error(classical(Format(2, 2, 2)))
    0.0
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
            raise InvalidInput(
                "every product XW is zero under these moments, so there is no relative error to minimise"
            )
        scale = self.format.products / energy
        object.__setattr__(self, "second_w", self.second_w * scale)
        object.__setattr__(self, "mean_w", self._mean("w") * np.sqrt(scale))
        for name in ("second_x", "second_w", "mean_x", "mean_w"):
            getattr(self, name).setflags(write=False)

    def relative_error(self, encoder: TileEncoder, tiles: int = 1) -> float:
        """Compute the relative squared error E‖Ŷ−Y‖² / E‖Y‖² of an encoder under these moments.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder, of the same format.
        tiles : int, default 1
            The number K of tiles along the inner dimension.

        Returns
        -------
        float
            The relative squared error, zero if the encoder is exact over Z, Z[1/2] or Q.

        Raises
        ------
        InvalidInput
            If `tiles` is less than 1.

        Examples
        --------
        >>> from stl_algebra import strassen
        >>> u, v, w = (f[:6] for f in strassen().factors)
        >>> encoder = TileEncoder(Format(2, 2, 2), u, v, w.T)
        >>> white = TileMoments(Format(2, 2, 2), np.eye(4), np.eye(4))
        >>> bool(np.isclose(white.relative_error(encoder), encoder.relative_error))
        True
        """
        if encoder.ring.is_exact_for_reals:
            return 0.0
        rest = residual(self.format, *encoder.factors)
        return self._energy(rest, tiles) / self._whole_energy(tiles)

    def growth(self, encoder: TileEncoder) -> float:
        """Compute the growth Σ_s (u_sᵀ Σ_X u_s) (v_sᵀ Σ_W v_s) ‖w_s‖² under these moments.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder, of the same format.

        Returns
        -------
        float
            The growth.
        """
        return growth(*self.whitened(encoder.factors))

    def error_at(self, encoder: TileEncoder, precision: str | Precision, tiles: int = 1) -> float:
        """Compute the relative squared error if the encoded operands are rounded to a precision.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder, of the same format.
        precision : str or Precision
            The precision, or its name, such as ``"bf16"``.
        tiles : int, default 1
            The number K of tiles along the inner dimension.

        Returns
        -------
        float
            E‖Ŷ−Y‖² / E‖Y‖² with rounding.

        Raises
        ------
        InvalidInput
            If no precision has this name, or `tiles` is less than 1.
        """
        # Rounding adds its part to every tile alike, the means none: E‖Y‖² is all that changes with K.
        share = self.format.products / self._whole_energy(tiles)
        error = self.relative_error(encoder, tiles)
        return error_at_precision(self.format, error, self.growth(encoder) * share, Precision.parse(precision))

    def whitened(self, factors: FactorsLike) -> Factors:
        """Bring factors into the coordinates of `target`: (u Σ_X^½, v Σ_W^½, w).

        Parameters
        ----------
        factors : Factors
            The factors (u, v, w) with one row for each product.

        Returns
        -------
        Factors
            The whitened factors, of the same shapes.
        """
        u, v, w = factors
        return Factors(u @ self.root_x, v @ self.root_w, w)

    def restored(self, factors: FactorsLike) -> Factors:
        """Undo `whitened`.

        Parameters
        ----------
        factors : Factors
            Whitened factors with one row for each product.

        Returns
        -------
        Factors
            The factors (u, v, w), of the same shapes.
        """
        u, v, w = factors
        x, y = (np.asarray(np.linalg.solve(root, f.T).T) for root, f in ((self.root_x, u), (self.root_w, v)))
        return Factors(x, y, w)

    def fresh(self) -> TileMoments:
        """Copy the moments, without what was computed from them.

        Returns
        -------
        TileMoments
            The same moments to the last bit.
        """
        same = copy(self)
        for name in ("root_x", "root_w", "target"):
            same.__dict__.pop(name, None)
        return same

    @cached_property
    def root_x(self) -> Array:
        """The symmetric root Σ_X^½, of shape (n·m, n·m)."""
        return _root(self.second_x)

    @cached_property
    def root_w(self) -> Array:
        """The symmetric root Σ_W^½, of shape (m·p, m·p)."""
        return _root(self.second_w)

    @cached_property
    def target(self) -> Array:
        """The whitened tensor T′ = (Σ_X^½ ⊗ Σ_W^½ ⊗ I) T, of shape (n·m, m·p, n·p) and squared norm n·m·p."""
        whole = matmul_tensor(self.format)
        target: Array = np.einsum("abc,ad,be->dec", whole, self.root_x, self.root_w, optimize=True)
        return target

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the format and the moments, rounded to nine digits of their largest entry."""
        content = hashlib.sha256(f"moments {self.format}".encode())
        for values in (self.second_x, self.second_w, self._mean("x"), self._mean("w")):
            unit = np.abs(values).max() or 1.0
            content.update(np.rint(values / unit * 1e9).astype("<i8").tobytes())
        return content.hexdigest()

    def __repr__(self) -> str:
        return f"TileMoments({self.format}, source={self.source!r})"

    def _repr_html_(self) -> str:
        figures: dict[str, object] = {"format": self.format, "source": self.source or "not given"}
        for side in ("x", "w"):
            second, mean = getattr(self, f"second_{side}"), self._mean(side)
            figures[f"mean square of {side.upper()} that its mean explains"] = f"{mean @ mean / np.trace(second):.3g}"
            figures[f"condition number of Σ_{side.upper()}"] = f"{np.linalg.cond(second):.3g}"
        return figures_table("Moments of tiles", figures | {"digest": self.digest[:10]})

    def _mean(self, side: str) -> Array:
        mean: Array = getattr(self, f"mean_{side}")
        return mean

    def _energy(self, tensor: Array, tiles: int) -> float:
        """‖(Σ_X^½ ⊗ Σ_W^½ ⊗ I) tensor‖² + (K − 1) ‖tensor(μ_X, μ_W)‖²."""
        if tiles < 1:
            raise InvalidInput(f"the number of tiles along the inner dimension is {tiles}; give at least 1")
        own = float(np.vdot(self._by_seconds(tensor), tensor))
        across = self._mean("w") @ np.tensordot(self._mean("x"), tensor, axes=1)
        return own + (tiles - 1) * float(across @ across)

    def _whole_energy(self, tiles: int) -> float:
        """E‖Y‖²; the scale of Σ_W makes it n·m·p for a single tile."""
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
        raise InvalidInput(f"{name} has an entry that is not finite; measure the moments again")
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
    return symmetric * float(largest)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(values)) @ vectors.T
    return root
