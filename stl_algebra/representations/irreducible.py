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
    """An irreducible real representation ρ of a group G, seen as G → GL(d, K), K its division algebra:

        entries  (|G|, d, d, k)      entries[g, i, j] = ρ(g)_ij in the basis of K, k = dim K

    K is R, C or H as the Frobenius–Schur type is real, complex or quaternionic. The real representation
    has dimension d·k; the regular representation holds it d times. `rational` says that all entries are
    fractions over `denominator`.

    Source: Serre, Linear Representations of Finite Groups, 1977, §13.2.
    """

    algebra: DivisionAlgebra
    entries: Array
    denominator: int | None = None

    @property
    def degree(self) -> int:
        """d, the size of the matrices over K."""
        return self.entries.shape[1]

    @property
    def dimension(self) -> int:
        """d·k, the dimension of the real representation."""
        return self.degree * self.algebra.dimension

    @property
    def size(self) -> int:
        """d²·k, the real dimension of the block M_d(K) of the group algebra."""
        return self.degree * self.dimension

    @property
    def rational(self) -> bool:
        return self.denominator is not None

    @cached_property
    def matrices(self) -> Array:
        """The real matrices, shape (|G|, d·k, d·k), each entry of K acting by left multiplication."""
        blocks = self.algebra.left_multiplication(self.entries)
        return np.ascontiguousarray(blocks.transpose(0, 1, 3, 2, 4)).reshape(-1, self.dimension, self.dimension)

    @cached_property
    def character(self) -> Array:
        """The real character g ↦ tr ρ(g), shape (|G|,)."""
        return self.algebra.dimension * np.einsum("gii->g", self.entries[..., 0])

    @cached_property
    def complex_character(self) -> NDArray[np.complex128]:
        """The character of a complex irreducible constituent, shape (|G|,).

        The complexification of ρ is χ for real type, χ + χ̄ for complex and 2χ for quaternionic type.
        """
        real = self.character / min(self.algebra.dimension, 2)
        if self.algebra.dimension != 2:
            return real.astype(np.complex128)
        return real + 1j * np.sqrt(self.algebra.squares[0]) * np.einsum("gii->g", self.entries[..., 1])

    @property
    def block(self) -> str:
        """The block in words: R, C, H, M2(R), M3(C), …"""
        return self.algebra.letter if self.degree == 1 else f"M{self.degree}({self.algebra.letter})"

    def __repr__(self) -> str:
        return f"RealIrreducible({self.block}{', rational' if self.rational else ''})"
