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
    """The characters of the complex irreducible representations of a group, exactly:

        multiplicities  (classes, classes, e)  int64      χ_i(C_j) = Σ_k multiplicities[i, j, k] ζᵏ

    with ζ = exp(2πi/e), e the exponent of the group: multiplicities[i, j, k] counts how often ζᵏ is an
    eigenvalue of the i-th representation on the j-th class. Columns follow `conjugacy_classes`; rows the
    real irreducibles, both constituents of one of complex type in turn.

    Source: Isaacs, Character Theory of Finite Groups, 1976, Chapter 2.
    """

    group: FiniteGroup
    multiplicities: Elements

    @property
    def values(self) -> NDArray[np.complex128]:
        """The table in floating point, shape (classes, classes)."""
        powers = np.arange(self.group.exponent) / self.group.exponent
        return self.multiplicities @ np.exp(2j * np.pi * powers)

    @property
    def degrees(self) -> Elements:
        """The degrees of the representations: each has that many eigenvalues."""
        return self.multiplicities[:, 0, 0]

    def exact(self) -> sympy.Matrix:
        """The table in sympy: radicals where the roots of unity have them, sums of roots of unity elsewhere.

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
    """The exact character table of a group.

    The power sums χ(g), χ(g²), … of the eigenvalues of ρ(g), taken from the real irreducibles in floating
    point, give the eigenvalues' multiplicities by a discrete Fourier transform; these are integers, so
    rounding makes them exact.

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
