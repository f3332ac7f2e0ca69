"""One element of the symmetry group of the matrix-multiplication tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.ring import Ring

Scalar = TypeVar("Scalar", bound=np.generic)
Matrix = tuple[tuple[int, ...], ...]
TraceForm = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Symmetry:
    """An element of (GL(n) × GL(m) × GL(p)) ⋊ S₃ that maps the tensor of ⟨n,m,p⟩ to itself.

    Parameters
    ----------
    bases : tuple of three tuple of tuple of int
        The bases (P₀, P₁, P₂), square matrices of sizes n, m and p as tuples of rows. A basis counts up to a scalar,
        since the three factors of a product only count together. It is kept as the primitive integer matrix whose first
        nonzero entry is positive.
    rotation : int, default 0
        The number c of rotations, modulo 3.
    transposed : bool, default False
        Whether a transposition follows the rotations.

    Raises
    ------
    InvalidInput
        If a basis is not square or zero, or the sizes do not return to the same format.

    Notes
    -----
    In trace form an encoder is Σ_s F₀⊗F₁⊗F₂ with matrices F₀ n×m (a row of E_X), F₁ m×p (of E_W) and F₂ p×n (a column
    of D, transposed), and T(X, W, Z) = tr(XWZ). The element sends a product to

        Fᵢ' = Pᵢ F_{i+c} P_{i+1}⁻¹           (rotation c)
        Fᵢ' = Pᵢ F_{1−i+c}ᵀ P_{i+1}⁻¹        (rotation c, then transposition),  indices modulo 3.

    References
    ----------
    .. [1] de Groote, On varieties of optimal algorithms for the computation of bilinear mappings, 1978.

    Examples
    --------
    >>> Symmetry.of(Format(2, 2, 2), rotation=1).order
    3
    """

    bases: tuple[Matrix, Matrix, Matrix]
    rotation: int = 0
    transposed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "bases", tuple(_primitive(base) for base in self.bases))
        object.__setattr__(self, "rotation", self.rotation % 3)
        sizes = self.format
        for i in range(3):
            if sizes[i] != sizes[(2 - i + self.rotation) % 3 if self.transposed else (i + self.rotation) % 3]:
                kind = "this transposition" if self.transposed else "rotation"
                raise InvalidInput(f"{kind} does not map the format {sizes} to itself")

    @classmethod
    def of(
        cls,
        format: Format,
        bases: Sequence[ArrayLike] | None = None,
        *,
        rotation: int = 0,
        transposed: bool = False,
    ) -> Symmetry:
        """Build the element of a format with given bases.

        Parameters
        ----------
        format : Format
            The format ⟨n,m,p⟩.
        bases : sequence of three array_like of int or Fraction, optional
            Square matrices of sizes n, m and p; identities by default.
        rotation : int, default 0
            The number of rotations.
        transposed : bool, default False
            Whether a transposition follows the rotations.

        Returns
        -------
        Symmetry
            The element.

        Raises
        ------
        InvalidInput
            If the bases do not fit the format, or rotation or transposition do not keep it.
        """
        format = Format(*format)
        matrices = [np.eye(size, dtype=int) if bases is None else bases[i] for i, size in enumerate(format)]
        element = cls(tuple(_rows(matrix) for matrix in matrices), rotation, transposed)  # type: ignore[arg-type]
        if element.format != format:
            raise InvalidInput(f"bases of sizes {tuple(element.format)} do not fit the format {format}")
        return element

    @property
    def format(self) -> Format:
        """The format ⟨n,m,p⟩ on which the element acts."""
        return Format(*(len(base) for base in self.bases))

    def source(self, slot: int) -> int:
        """Tell which factor of a product the factor at a slot comes from.

        Parameters
        ----------
        slot : int
            The slot 0, 1 or 2 of the new factor.

        Returns
        -------
        int
            The slot of the old factor.
        """
        return (1 - slot + self.rotation) % 3 if self.transposed else (slot + self.rotation) % 3

    @cached_property
    def matrices(self) -> tuple[NDArray[np.object_], ...]:
        """The bases (P₀, P₁, P₂) as Fraction matrices."""
        return tuple(np.array([[Fraction(v) for v in row] for row in base], dtype=object) for base in self.bases)

    @cached_property
    def inverses(self) -> tuple[NDArray[np.object_], ...]:
        """The inverses of the bases, as Fraction matrices; InvalidInput is raised if a basis is singular."""
        return tuple(_inverse(matrix) for matrix in self.matrices)

    @cached_property
    def _integers(self) -> tuple[NDArray[np.object_], ...]:
        return tuple(np.array(base, dtype=object) for base in self.bases)

    @cached_property
    def _inverse_integers(self) -> tuple[NDArray[np.object_], ...]:
        """The inverses, scaled to integers: bases count up to scalars."""
        return tuple(np.array(_rows(inverse), dtype=object) for inverse in self.inverses)

    @cached_property
    def _floats(self) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
        """(Pᵢ, P_{i+1}⁻¹) in float64, for each slot."""
        return tuple((self.matrices[i].astype(float), self.inverses[(i + 1) % 3].astype(float)) for i in range(3))

    @property
    def is_unimodular(self) -> bool:
        """Whether all bases have determinant ±1, so that a finite group of such elements acts with scalars ±1."""
        return all(v.denominator == 1 for inverse in self.inverses for row in inverse for v in row)

    def __matmul__(self, other: Symmetry) -> Symmetry:
        """The element that acts as `other`, then as this one."""
        if self.format != other.format:
            raise InvalidInput(f"symmetries of formats {self.format} and {other.format} do not compose")
        products = []
        for i, left in enumerate(self._integers):
            if self.transposed:
                products.append(left @ other._inverse_integers[(2 - i + self.rotation) % 3].T)
            else:
                products.append(left @ other._integers[(i + self.rotation) % 3])
        rotation = other.rotation - self.rotation if other.transposed else other.rotation + self.rotation
        bases = tuple(tuple(map(tuple, product)) for product in products)
        return Symmetry(bases, rotation, self.transposed != other.transposed)  # type: ignore[arg-type]

    @property
    def is_identity(self) -> bool:
        """Whether this is the identity."""
        return self == Symmetry.of(self.format)

    @property
    def order(self) -> int:
        """The least k ≥ 1 with gᵏ = 1; InvalidInput is raised if it exceeds 1000 or is infinite."""
        power = self
        for k in range(1, 1001):
            if power.is_identity:
                return k
            power = self @ power
        raise InvalidInput("this symmetry has infinite order or an order above 1000, which is not supported")

    def inverse(self) -> Symmetry:
        """Invert the element.

        Returns
        -------
        Symmetry
            The element that undoes this one.

        Raises
        ------
        InvalidInput
            If a basis is singular.

        Examples
        --------
        >>> g = Symmetry.of(Format(2, 2, 2), ([[1, 1], [0, 1]], [[2, 1], [1, 1]], [[0, 1], [1, 3]]))
        >>> (g @ g.inverse()).is_identity
        True
        """
        rotation = self.rotation if self.transposed else -self.rotation
        linear = Symmetry(self.bases)  # this element is linear @ outer
        outer = Symmetry.of(self.format, rotation=rotation, transposed=self.transposed)
        undo = Symmetry(tuple(_rows(inverse) for inverse in linear.inverses))  # type: ignore[arg-type]
        return outer @ undo

    def slot_map(self, slot: int) -> NDArray[np.object_]:
        """Build the matrix over Q that makes the new factor at a slot from the old one at `source(slot)`.

        Parameters
        ----------
        slot : int
            The slot 0, 1 or 2.

        Returns
        -------
        ndarray of Fraction
            The matrix, which acts on row-major factors.

        Raises
        ------
        InvalidInput
            If a basis is singular.
        """
        left, right = self.matrices[slot], self.inverses[(slot + 1) % 3]
        whole = np.kron(left, right.T)  # vec(L F R) = (L ⊗ Rᵀ) vec F
        if not self.transposed:
            return whole
        rows, columns = len(left), len(right)  # of the transposed source
        return whole.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(-1, rows * columns)

    def act(self, factors: TraceForm) -> TraceForm:
        """Move factors in trace form, in float64.

        Parameters
        ----------
        factors : tuple of three ndarray of float64
            The factors (F₀, F₁, F₂), of shapes (r, n·m), (r, m·p) and (r, p·n).

        Returns
        -------
        tuple of three ndarray of float64
            The moved factors, of the same shapes.

        Raises
        ------
        InvalidInput
            If a basis is singular.
        """
        moved = []
        for slot, (left, right) in enumerate(self._floats):
            rows, columns = len(left), len(right)
            shape = (-1, columns, rows) if self.transposed else (-1, rows, columns)
            matrices = factors[self.source(slot)].reshape(shape)
            if self.transposed:
                matrices = matrices.transpose(0, 2, 1)
            moved.append((left @ matrices @ right).reshape(len(matrices), -1))
        u, v, z = moved
        return u, v, z

    def apply(self, encoder: TileEncoder) -> TileEncoder:
        """Move every product of an encoder.

        Parameters
        ----------
        encoder : TileEncoder
            The encoder, of the same format.

        Returns
        -------
        TileEncoder
            The moved encoder, of the same rank and error; exact if `encoder` is.

        Raises
        ------
        InvalidInput
            If the formats differ, a basis is singular, or an encoder over GF(2) meets an even denominator.

        Examples
        --------
        >>> from stl_algebra import rotate, strassen
        >>> Symmetry.of(Format(2, 2, 2), rotation=1).apply(strassen()) == rotate(strassen())
        True
        """
        n, _, p = encoder.format
        if encoder.format != self.format:
            raise InvalidInput(f"a symmetry of {self.format} does not act on an encoder of {encoder.format}")
        if encoder.ring is Ring.R:
            u, v, z = self.act(trace_form(encoder))
            return TileEncoder(encoder.format, u, v, _turned(z, p, n).T)
        maps = [self.slot_map(slot) for slot in range(3)]
        x, w, d = (np.array(matrix, dtype=object) for matrix in encoder.exact_coefficients())
        exact = (x, w, _turned(d.T, n, p))
        u, v, z = (exact[self.source(i)] @ maps[i].T for i in range(3))
        if encoder.ring is Ring.GF2:
            bits = [_modulo_two(factor) for factor in (u, v, _turned(z, p, n))]
            return TileEncoder(encoder.format, bits[0], bits[1], bits[2].T, Ring.GF2)
        return TileEncoder.from_exact(encoder.format, u, v, _turned(z, p, n).T)


def trace_form(encoder: TileEncoder) -> TraceForm:
    """Bring an encoder into trace form.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder of ⟨n,m,p⟩ and rank r.

    Returns
    -------
    tuple of three ndarray of float64
        The factors (F₀, F₁, F₂), of shapes (r, n·m), (r, m·p) and (r, p·n), row-major.
    """
    u, v, w = encoder.factors
    return u, v, _turned(w, encoder.format.n, encoder.format.p)


def _turned(factor: NDArray[Scalar], rows: int, columns: int) -> NDArray[Scalar]:
    return factor.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(len(factor), -1)


def _modulo_two(values: NDArray[np.object_]) -> NDArray[np.float64]:
    if any(v.denominator % 2 == 0 for v in values.ravel()):
        raise InvalidInput("a symmetry with even denominators does not act on encoders over GF(2)")
    return np.array([v.numerator % 2 for v in values.ravel()], dtype=float).reshape(values.shape)


def _rows(matrix: ArrayLike) -> Matrix:
    """Any exact matrix as a tuple of integer rows, up to a scalar."""
    try:
        rows = [[Fraction(v) for v in row] for row in np.asarray(matrix, dtype=object)]
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("a basis must be a square matrix of integers or fractions") from None
    common = lcm(*(v.denominator for row in rows for v in row))
    return tuple(tuple(int(v * common) for v in row) for row in rows)


def _primitive(base: Matrix) -> Matrix:
    if not base or any(len(row) != len(base) for row in base):
        raise InvalidInput("a basis must be a square matrix of integers or fractions")
    entries = [v for row in base for v in row]
    leading = next((v for v in entries if v), 0)
    if leading == 0:
        raise InvalidInput("a basis of zeros is singular")
    divisor = gcd(*entries) * (1 if leading > 0 else -1)
    return tuple(tuple(v // divisor for v in row) for row in base)


def _inverse(matrix: NDArray[np.object_]) -> NDArray[np.object_]:
    size = len(matrix)
    if ((matrix @ matrix.T) == np.eye(size, dtype=int)).all():  # a signed permutation
        return matrix.T
    work = np.concatenate([matrix, np.vectorize(Fraction, otypes=[object])(np.eye(size, dtype=int))], axis=1)
    for column in range(size):
        pivot = next((row for row in range(column, size) if work[row, column]), None)
        if pivot is None:
            raise InvalidInput("a basis is singular; the three bases must be invertible")
        work[[column, pivot]] = work[[pivot, column]]
        work[column] = work[column] / work[column, column]
        for row in range(size):
            if row != column and work[row, column]:
                work[row] = work[row] - work[row, column] * work[column]
    return work[:, size:]
