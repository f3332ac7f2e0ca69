"""The Frobenius–Schur indicator and the norm of a character."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.groups.group import FiniteGroup


def frobenius_schur_indicator(group: FiniteGroup, character: NDArray[np.float64] | NDArray[np.complex128]) -> float:
    """Compute the Frobenius–Schur indicator Σ_g χ(g²) / |G|.

    For a complex irreducible χ it is 1, 0 or −1 as χ is of real, complex or quaternionic type. For the character of an
    irreducible real representation it is 1, 0 or −2.

    Parameters
    ----------
    group : FiniteGroup
        The group G.
    character : ndarray of float64 or complex128, shape (|G|,)
        The character χ.

    Returns
    -------
    float
        The indicator.

    References
    ----------
    .. [1] Serre, Linear Representations of Finite Groups, 1977, Proposition 39.

    Examples
    --------
    >>> from stl_algebra.groups import cyclic
    >>> frobenius_schur_indicator(cyclic(2), np.array([1.0, -1.0]))
    1.0
    """
    squares = group.table[np.arange(group.order), np.arange(group.order)]
    return float(np.real(character[squares].sum()) / group.order)


def norm(character: NDArray[np.float64] | NDArray[np.complex128]) -> float:
    """Compute the norm ⟨χ, χ⟩ = Σ_g |χ(g)|² / |G| of a character.

    For an irreducible real representation it is the dimension of the commutant.

    Parameters
    ----------
    character : ndarray of float64 or complex128, shape (|G|,)
        The character χ.

    Returns
    -------
    float
        The norm.

    Examples
    --------
    >>> norm(np.array([1.0, -1.0]))
    1.0
    """
    return float(np.sum(np.abs(character) ** 2) / len(character))
