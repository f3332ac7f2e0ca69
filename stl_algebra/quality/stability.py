"""The figures by which the numerical stability of fast matrix multiplication is quoted."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np

from stl_algebra.encoder import TileEncoder
from stl_algebra.format import Format


class Stability(NamedTuple):
    """Stability figures of an encoder; the smaller, the more accurate.

    With x_s = E_X[s], w_s = E_W[s] and d_ks = D[k, s]. They belong beside `TileEncoder.growth`, which is the expected
    squared error of rounding; these bound the largest error or, γ₂, the error in the Frobenius norm.

    Parameters
    ----------
    stability_factor : int
        max_k Σ_s [d_ks ≠ 0] ‖x_s‖₀ ‖w_s‖₀, by numbers of nonzeros [1]_. Equal to `emax` for coefficients ±1.
    prefactor : int
        max_k (‖d_k‖₀ + max_s [d_ks ≠ 0] (‖x_s‖₀ + ‖w_s‖₀)): it counts the additions on the way of one output [2]_.
    emax : float
        max_k Σ_s |d_ks| ‖x_s‖₁ ‖w_s‖₁: by what one level of the recursion multiplies the bound of the largest
        error [2]_.
    exponent : float
        3 log emax / log(n·m·p): the bound of a recursion down to single entries grows as N to this power, for N×N
        matrices. For cubes it is log_n emax; infinite for ⟨1,1,1⟩.
    gamma2 : float
        γ₂ = Σ_s ‖x_s‖₂ ‖w_s‖₂ ‖d_s‖₂, the growth factor of the bound in the Frobenius norm [3]_.

    References
    ----------
    .. [1] Bini, Lotti, Stability of fast algorithms for matrix multiplication, Numer. Math. 36, 1980.
    .. [2] Ballard, Benson, Druinsky, Lipshitz, Schwartz, Improving the numerical stability of fast matrix
       multiplication, SIAM J. Matrix Anal. Appl. 37, 2016, arXiv 1507.00687.
    .. [3] Dumas, Pernet, Sedoglavic, Towards automated generation of fast and accurate algorithms for recursive matrix
       multiplication, arXiv 2506.19405.
    """

    stability_factor: int
    prefactor: int
    emax: float
    exponent: float
    gamma2: float


def stability(encoder: TileEncoder) -> Stability:
    """Compute the stability figures of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder, for real numbers.

    Returns
    -------
    Stability
        The figures, as the class defines them.

    Examples
    --------
    >>> from stl_algebra import strassen
    >>> figures = stability(strassen())
    >>> figures.stability_factor, figures.prefactor, figures.emax, round(figures.gamma2, 4)
    (12, 8, 12.0, 14.8284)
    """
    x, w, decode = encoder.encode_x, encoder.encode_w, encoder.decode
    nonzeros_x, nonzeros_w = np.count_nonzero(x, axis=1), np.count_nonzero(w, axis=1)
    used = decode != 0
    longest = np.where(used, nonzeros_x + nonzeros_w, 0).max(axis=1)
    emax = float((np.abs(decode) @ (np.abs(x).sum(axis=1) * np.abs(w).sum(axis=1))).max())
    norms = [np.linalg.norm(factor, axis=1) for factor in encoder.factors]
    return Stability(
        stability_factor=int((used @ (nonzeros_x * nonzeros_w)).max()),
        prefactor=int((used.sum(axis=1) + longest).max()),
        emax=emax,
        exponent=3 * recursive_exponent(encoder.format, emax),
        gamma2=float(np.sum(norms[0] * norms[1] * norms[2])),
    )


def recursive_exponent(format: Format, factor: float) -> float:
    """Compute log factor / log(n·m·p).

    Parameters
    ----------
    format : Format
        The format of one level of the recursion.
    factor : float
        By what one level multiplies a figure, positive.

    Returns
    -------
    float
        The exponent; infinite for ⟨1,1,1⟩, whose recursion has no end.

    Examples
    --------
    >>> round(3 * recursive_exponent(Format(2, 2, 2), 7), 4)
    2.8074
    """
    return log(factor) / log(format.products) if format.products > 1 else float("inf")


def omega(format: Format, rank: int) -> float:
    """Compute the exponent of a recursion: ω = 3 log r / log(n·m·p).

    Parameters
    ----------
    format : Format
        The format.
    rank : int
        The number of products r.

    Returns
    -------
    float
        N×N matrices take O(N^ω) operations, by the encoder and its permutations in turn; infinite for ⟨1,1,1⟩.

    References
    ----------
    .. [1] Bläser, Fast matrix multiplication, Theory of Computing Graduate Surveys 5, 2013, Theorem 5.2.

    Examples
    --------
    >>> round(omega(Format(3, 3, 3), 23), 4)
    2.854
    """
    return 3 * recursive_exponent(format, rank)
