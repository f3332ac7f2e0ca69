"""An irreducible real representation, as matrices over its division algebra."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stl_algebra.representations.division_algebra import DivisionAlgebra

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RealIrreducible:
    """An irreducible real representation ρ of a group G, as matrices over its division algebra: G → GL(d, K).

    K is R, C or H as the Frobenius–Schur type is real, complex or quaternionic. The real representation has dimension
    d·k, k = dim K; the regular representation holds it d times.

    Parameters
    ----------
    algebra : DivisionAlgebra
        The division algebra K.
    entries : ndarray of float64, shape (|G|, d, d, k)
        The matrices: entries[g, i, j] = ρ(g)_ij in the basis of K.
    denominator : int, optional
        A common denominator of all entries if they are rational.

    References
    ----------
    .. [1] Serre, Linear Representations of Finite Groups, 1977, §13.2.
    """

    algebra: DivisionAlgebra
    entries: Array
    denominator: int | None = None

    @property
    def degree(self) -> int:
        """The size d of the matrices over K."""
        return int(self.entries.shape[1])

    @property
    def dimension(self) -> int:
        """The dimension d·k of the real representation."""
        return self.degree * self.algebra.dimension

    @property
    def size(self) -> int:
        """The real dimension d²·k of the block M_d(K) of the group algebra."""
        return self.degree * self.dimension

    @property
    def rational(self) -> bool:
        """Whether all entries are fractions over `denominator`."""
        return self.denominator is not None

    @cached_property
    def matrices(self) -> Array:
        """The real matrices, of shape (|G|, d·k, d·k): each entry of K acts by left multiplication."""
        blocks = self.algebra.left_multiplication(self.entries)
        return np.ascontiguousarray(blocks.transpose(0, 1, 3, 2, 4)).reshape(-1, self.dimension, self.dimension)

    @cached_property
    def character(self) -> Array:
        """The real character g ↦ tr ρ(g), of shape (|G|,)."""
        traces: Array = np.einsum("gii->g", self.entries[..., 0])
        return self.algebra.dimension * traces

    @cached_property
    def complex_character(self) -> NDArray[np.complex128]:
        """The character of a complex irreducible constituent, of shape (|G|,).

        The complexification of ρ is χ for real type, χ + χ̄ for complex and 2χ for quaternionic type.
        """
        real = self.character / min(self.algebra.dimension, 2)
        if self.algebra.dimension != 2:
            return real.astype(np.complex128)
        imaginary: Array = np.sqrt(self.algebra.squares[0]) * np.einsum("gii->g", self.entries[..., 1])
        return real + 1j * imaginary

    @property
    def block(self) -> str:
        """The block in words: R, C, H, M2(R), M3(C), …."""
        return self.algebra.letter if self.degree == 1 else f"M{self.degree}({self.algebra.letter})"

    def __repr__(self) -> str:
        return f"RealIrreducible({self.block}{', rational' if self.rational else ''})"
