"""The Frobenius–Schur indicator and the norm of a character."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import FiniteGroup


def frobenius_schur_indicator(group: FiniteGroup, character: NDArray[np.float64] | NDArray[np.complex128]) -> float:
    """Σ_g χ(g²) / |G|.

    For a complex irreducible χ it is 1, 0 or −1 as χ is of real, complex or quaternionic type; for the
    character of an irreducible real representation 1, 0 or −2.

    >>> from stl_algebra.groups import cyclic
    >>> frobenius_schur_indicator(cyclic(2), np.array([1.0, -1.0]))
    1.0

    Source: Serre, Linear Representations of Finite Groups, 1977, Proposition 39.
    """
    squares = group.table[np.arange(group.order), np.arange(group.order)]
    return float(np.real(character[squares].sum()) / group.order)


def norm(character: NDArray[np.float64] | NDArray[np.complex128]) -> float:
    """⟨χ, χ⟩ = Σ_g |χ(g)|² / |G|: for an irreducible real representation the dimension of its commutant.

    >>> norm(np.array([1.0, -1.0]))
    1.0
    """
    return float(np.sum(np.abs(character) ** 2) / len(character))
