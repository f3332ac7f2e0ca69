"""Complex character tables, exact in cyclotomic integers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import Elements, FiniteGroup
from stl_algebra.groups.structure import conjugacy_classes
from stl_algebra.representations.decomposition import real_irreducibles

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, eq=False)
class CharacterTable:
    """The characters of the complex irreducible representations of a group, exactly.

    With ζ = exp(2πi/e), e the exponent of the group, χ_i(C_j) = Σ_k multiplicities[i, j, k] ζᵏ. Columns follow
    `conjugacy_classes`. Rows follow the real irreducibles; one of complex type gives two rows, one for each
    constituent.

    Parameters
    ----------
    group : FiniteGroup
        The group.
    multiplicities : ndarray of int64, shape (classes, classes, e)
        How often ζᵏ is an eigenvalue of representation i on class j.

    References
    ----------
    .. [1] Isaacs, Character Theory of Finite Groups, 1976, Chapter 2.
    """

    group: FiniteGroup
    multiplicities: Elements

    def __repr__(self) -> str:
        return f"CharacterTable({self.group.name}, classes={len(self.multiplicities)})"

    @property
    def values(self) -> NDArray[np.complex128]:
        """The table in floating point, of shape (classes, classes)."""
        powers = np.arange(self.group.exponent) / self.group.exponent
        values: NDArray[np.complex128] = self.multiplicities @ np.exp(2j * np.pi * powers)
        return values

    @property
    def degrees(self) -> Elements:
        """The degrees of the representations, of shape (classes,)."""
        return self.multiplicities[:, 0, 0]

    def exact(self) -> sympy.Matrix:
        """Convert the table to sympy.

        Returns
        -------
        sympy.Matrix
            The table of shape (classes, classes), with radicals if the roots of unity have them, and sums of roots of
            unity otherwise.

        Examples
        --------
        >>> from stl_algebra.groups import alternating
        >>> character_table(alternating(4)).exact()[1, :]
        Matrix([[3, 0, 0, -1]])
        """
        import sympy

        table = sympy.zeros(*self.multiplicities.shape[:2])
        for i, j in np.ndindex(*self.multiplicities.shape[:2]):
            table[i, j] = _cyclotomic(tuple(int(m) for m in self.multiplicities[i, j]))
        return table


@lru_cache(maxsize=256)
def character_table(group: FiniteGroup) -> CharacterTable:
    """Compute the exact character table of a group.

    Parameters
    ----------
    group : FiniteGroup
        The group.

    Returns
    -------
    CharacterTable
        The table.

    Notes
    -----
    The power sums χ(g), χ(g²), … of the eigenvalues of ρ(g) are taken from the real irreducibles in floating point. A
    discrete Fourier transform gives the multiplicities of the eigenvalues. These are integers, so rounding makes them
    exact.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> character_table(cyclic(3)).exact()[1, 0]
    1
    """
    classes = conjugacy_classes(group)
    representatives = [int(c[0]) for c in classes]
    rows = []
    for irreducible in real_irreducibles(group):
        character = irreducible.complex_character
        conjugates = [character, character.conj()] if irreducible.algebra.dimension == 2 else [character]
        rows += [[_eigenvalues(group, chi, g) for g in representatives] for chi in conjugates]
    return CharacterTable(group, np.array(rows, dtype=np.int64))


def _eigenvalues(group: FiniteGroup, character: NDArray[np.complex128], g: int) -> Elements:
    """How often each power of ζ is an eigenvalue of ρ(g), shape (e,)."""
    order, exponent = int(group.element_orders[g]), group.exponent
    powers = [group.identity]
    for _ in range(order - 1):
        powers.append(int(group.table[powers[-1], g]))
    counts = np.fft.fft(character[powers]) / order
    rounded = np.rint(counts.real).astype(np.int64)
    if np.abs(counts - rounded).max() > 1e-6 or rounded.min() < 0:
        raise ArithmeticError(f"a character of {group.name} has no whole eigenvalue multiplicities")
    spread = np.zeros(exponent, dtype=np.int64)
    spread[np.arange(order) * (exponent // order)] = rounded
    return spread


@lru_cache(maxsize=4096)
def _cyclotomic(multiplicities: tuple[int, ...]) -> sympy.Expr:
    """Σ m_k ζᵏ, reduced modulo the cyclotomic polynomial so that equal numbers look the same."""
    import sympy

    x, e = sympy.Symbol("x"), len(multiplicities)
    polynomial = sympy.Poly(list(reversed(multiplicities)), x)
    reduced = polynomial.rem(sympy.Poly(sympy.cyclotomic_poly(e, x), x))
    total = sympy.Integer(0)
    for (power,), coefficient in reduced.terms():
        angle = sympy.Rational(2 * power, e) * sympy.pi
        root = sympy.cos(angle) + sympy.I * sympy.sin(angle)
        if root.has(sympy.cos, sympy.sin):  # no radicals of moderate size
            root = sympy.exp(sympy.I * angle)
        total += coefficient * root
    return sympy.expand(total)
