"""A numerical fingerprint of the change-of-basis orbit of an encoder, exact or approximate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder


def orbit_spectrum(encoder: TileEncoder) -> NDArray[np.float64]:
    """The eigenvalues of G and of G∘G at the point of least growth, descending: shape (2r,).

    G[s,t] is the inner product of products s and t as rank-1 tensors. Points of least growth in one orbit of
    GL(n)×GL(m)×GL(p) differ by orthogonal bases only, so encoders that are equivalent, rotation and
    transposition included, have the same spectrum to rounding. Raises InvalidInput where growth has no
    minimum on the orbit.

    >>> from stl_algebra import strassen
    >>> from stl_algebra.schemes import winograd
    >>> np.allclose(orbit_spectrum(strassen()), orbit_spectrum(winograd()), atol=1e-5)
    True

    Source: Kempf, Ness, The length of vectors in representation spaces, 1979 (minimal vectors form one orbit of the
    maximal compact subgroup).
    """
    from stl_algebra.quality.least_growth import least_growth

    factors = least_growth(encoder).factors
    gram = np.prod([f @ f.T for f in factors], axis=0)
    return np.concatenate([np.linalg.eigvalsh(matrix)[::-1] for matrix in (gram, gram**2)])
