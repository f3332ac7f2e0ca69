"""The real division algebras R, C and H, and how to multiply in them with few real products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stl_algebra.errors import InvalidInput
from stl_algebra.representations.bilinear_algorithm import BilinearAlgorithm

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DivisionAlgebra:
    """R, C or H in a basis 1; 1, θ; or 1, θ, φ, θφ with θ² = −squares[0], φ² = −squares[1], φθ = −θφ.

    The standard bases have squares (), (1,) and (1, 1). C in the basis 1, √D·i, squares (D,), keeps representations
    over an imaginary quadratic field Q(√−D) rational.

    Parameters
    ----------
    squares : tuple of int, default ()
        Positive integers: none for R, one for C, (1, 1) for H.

    Raises
    ------
    InvalidInput
        If a square is not a positive integer, or a quaternion basis is not standard.

    Examples
    --------
    >>> DivisionAlgebra((1, 1)).algorithm.rank, DivisionAlgebra((3,)).letter
    (8, 'C')
    """

    squares: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.squares) > 2 or any(int(d) != d or d < 1 for d in self.squares):
            raise InvalidInput(f"a real division algebra has up to two positive integer squares, not {self.squares}")
        if len(self.squares) == 2 and self.squares != (1, 1):
            raise InvalidInput(f"quaternions are supported in the basis 1, i, j, k, not with squares {self.squares}")

    @property
    def dimension(self) -> int:
        """The real dimension k: 1, 2 or 4."""
        return 1 << len(self.squares)

    @property
    def letter(self) -> str:
        """The letter R, C or H."""
        return "RCH"[len(self.squares)]

    @property
    def type(self) -> str:
        """The Frobenius–Schur type of a representation with this commutant: real, complex or quaternionic."""
        return ("real", "complex", "quaternionic")[len(self.squares)]

    @cached_property
    def basis_squares(self) -> Array:
        """Re(e_c²) for each basis element, of shape (k,): 1, then −D, or −1, −1, −1."""
        return np.array([1.0, *(-float(d) for d in self.squares), *([-1.0] if self.dimension == 4 else [])])

    @cached_property
    def structure(self) -> Array:
        """The structure constants, of shape (k, k, k): e_a e_b = Σ_c structure[a, b, c] e_c.

        Examples
        --------
        >>> DivisionAlgebra((1,)).structure[1, 1].tolist()
        [-1.0, 0.0]
        """
        k = self.dimension
        structure = np.zeros((k, k, k))
        for a in range(k):
            for b in range(k):
                sign = -1.0 if k == 4 and (a & 2 and b & 1) else 1.0  # φ moves past θ: basis 1, θ, φ, θφ is 0, 1, 2, 3
                for bit, square in enumerate(self.squares):
                    if a & b & (1 << bit):
                        sign *= -square
                structure[a, b, a ^ b] = sign
        return structure

    @cached_property
    def algorithm(self) -> BilinearAlgorithm:
        """Multiplication with 1, 3 or 8 real products.

        Notes
        -----
        C is multiplied as by Gauss: ac, bd and (a+b)(c+d). The product of H differs from that of the group algebra of
        C2², which takes 4 products by the Hadamard transform, in four monomials only: z₀ = 2p₀q₀ − c₀, z₁ = c₁ − 2p₃q₂,
        z₂ = c₂ − 2p₁q₃, z₃ = c₃ − 2p₂q₁.

        References
        ----------
        .. [1] Howell, Lafon, The complexity of the quaternion product, Cornell TR 75-245, 1975 (8 is least).
        """
        if self.dimension == 1:
            return BilinearAlgorithm(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)))
        if self.dimension == 2:
            operand = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
            return BilinearAlgorithm(
                operand, operand, np.array([[1.0, -1.0], [-float(self.squares[0]), -1.0], [0.0, 1.0]])
            )
        hadamard = np.array([[1.0, 1.0, 1.0, 1.0], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
        unit = np.eye(4)
        left = np.concatenate([hadamard, unit[[0, 3, 1, 2]]])
        right = np.concatenate([hadamard, unit[[0, 2, 3, 1]]])
        output = np.concatenate([hadamard / 4 * [-1, 1, 1, 1], 2 * unit * [1, -1, -1, -1]])
        return BilinearAlgorithm(left, right, output)

    def left_multiplication(self, values: Array) -> Array:
        """Build the matrices of y ↦ q·y.

        Parameters
        ----------
        values : ndarray of float64, shape (…, k)
            The elements q by their components.

        Returns
        -------
        ndarray of float64, shape (…, k, k)
            The matrices.

        Examples
        --------
        >>> DivisionAlgebra((1,)).left_multiplication(np.array([3.0, 4.0])).tolist()
        [[3.0, -4.0], [4.0, 3.0]]
        """
        matrices: Array = np.einsum("...a,abc->...cb", values, self.structure)
        return matrices


#: The three algebras in their standard bases.
REALS, COMPLEXES, QUATERNIONS = DivisionAlgebra(), DivisionAlgebra((1,)), DivisionAlgebra((1, 1))
