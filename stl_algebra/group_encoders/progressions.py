"""Maps into a cyclic group along arithmetic progressions."""

from __future__ import annotations

import numpy as np

from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.group_encoders.maps import GroupMaps
from stl_algebra.groups.cyclic import cyclic


def progression_maps(format: Format, modulus: int, steps: tuple[int, int, int]) -> GroupMaps:
    """Build the maps x_ij ↦ a·i + b·j and w_jk ↦ c·k − b·j modulo N: multiplication of polynomials modulo zᴺ − 1.

    Output y_ik is read off at a·i + c·k, where all its m products fall. Other products fall there too unless the
    progressions of steps a, b, c have the triple product property.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    modulus : int
        The modulus N, at least 1.
    steps : tuple of three int
        The steps (a, b, c).

    Returns
    -------
    GroupMaps
        The maps into the cyclic group of order N.

    Raises
    ------
    InvalidInput
        If the modulus is not positive.

    References
    ----------
    .. [1] arXiv 2510.22193 (approximate matrix multiplication by polynomial multiplication).

    Examples
    --------
    >>> progression_maps(Format(2, 2, 2), 8, (1, 2, 4)).exact
    True
    """
    if modulus < 1:
        raise InvalidInput(f"a cyclic group of order {modulus} does not exist; give a positive modulus")
    n, m, p = Format(*format)
    a, b, c = steps
    i, j, k = (np.arange(size) for size in (n, m, p))
    alpha = (a * i[:, None] + b * j) % modulus
    beta = (c * k - b * j[:, None]) % modulus
    return GroupMaps(Format(n, m, p), cyclic(modulus), alpha.ravel(), beta.ravel())


def best_progression_maps(format: Format, modulus: int) -> GroupMaps:
    """Find the progression maps of least error for a modulus, over all steps up to units of Z/N.

    Parameters
    ----------
    format : Format
        The format ⟨n,m,p⟩.
    modulus : int
        The modulus N, at least 1.

    Returns
    -------
    GroupMaps
        The best maps.

    Raises
    ------
    InvalidInput
        If the modulus is not positive.

    Examples
    --------
    >>> round(best_progression_maps(Format(2, 2, 2), 5).relative_error, 6)
    0.416667
    """
    if modulus < 1:
        raise InvalidInput(f"a cyclic group of order {modulus} does not exist; give a positive modulus")
    divisors = [d for d in range(1, modulus + 1) if modulus % d == 0]  # a step is a unit times a divisor of N
    candidates = (
        progression_maps(format, modulus, (a, b, c)) for a in divisors for b in range(modulus) for c in range(modulus)
    )
    return min(candidates, key=lambda maps: maps.relative_error)
