"""A numerical fingerprint of the change-of-basis orbit of an encoder, exact or approximate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.symmetry.least_growth import least_growth


def orbit_spectrum(encoder: TileEncoder) -> NDArray[np.float64]:
    """Compute a fingerprint of the orbit: the eigenvalues of G and of G∘G at the point of least growth.

    G[s,t] is the inner product of products s and t as rank-1 tensors. Encoders that are equivalent, rotation and
    transposition included, have the same spectrum up to rounding.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder of rank r, exact or approximate.

    Returns
    -------
    ndarray of float64, shape (2r,)
        The eigenvalues of G, then those of G∘G, each in descending order.

    Raises
    ------
    InvalidInput
        If growth has no minimum on the orbit.

    Notes
    -----
    Points of least growth in one orbit of GL(n)×GL(m)×GL(p) differ by orthogonal bases only.

    References
    ----------
    .. [1] Kempf, Ness, The length of vectors in representation spaces, 1979 (minimal vectors form one orbit of the
       maximal compact subgroup).

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> from stl_algebra.schemes import winograd
    >>> np.allclose(orbit_spectrum(strassen()), orbit_spectrum(winograd()), atol=1e-5)
    True
    """
    factors = least_growth(encoder).factors
    gram = np.prod([f @ f.T for f in factors], axis=0)
    return np.concatenate([np.linalg.eigvalsh(matrix)[::-1] for matrix in (gram, gram**2)])
