"""The damped normal equations of a model that holds its JᵀJ whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

Array = NDArray[np.float64]


def damped_solve(hessian: Array, gradient: Array, damping: float) -> Array | None:
    """The solution δ of (H + λI) δ = −g, shaped as g, or None where the system is numerically singular.

    Only the lower triangle of H, (k, k) with k entries in g, is read; H stays as it is.

    >>> damped_solve(np.eye(2), np.array([2.0, 4.0]), 1.0)
    array([-1., -2.])
    """
    system = hessian.copy()
    system.flat[:: len(system) + 1] += damping
    # The lower triangle of a C-ordered matrix is the upper one of its Fortran-ordered transpose.
    factor, info = lapack.dpotrf(system.T, lower=0, clean=0, overwrite_a=1)
    if info:
        return None
    solution: Array = lapack.dpotrs(factor, -gradient.ravel(), lower=0)[0]
    return solution.reshape(gradient.shape)
