"""Quantities that all encoders equivalent under the symmetry group share, to tell encoders apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.ring import Ring
from stl_algebra.symmetry.element import trace_form
from stl_algebra.symmetry.spectrum import orbit_spectrum
from stl_algebra.symmetry.transporters import MAX_SIZE, outer_symmetries, transporters

Signature = tuple[object, ...]


def invariants(encoder: TileEncoder) -> Signature:
    """Compute a value that all encoders in one orbit of (GL(n)×GL(m)×GL(p)) ⋊ S₃ share.

    Parameters
    ----------
    encoder : TileEncoder
        An encoder over the reals.

    Returns
    -------
    tuple
        A hashable value.

    Raises
    ------
    InvalidInput
        If the encoder is over GF(2), where ranks mean something else.

    Notes
    -----
    For every product F₀⊗F₁⊗F₂ the value lists the ranks of its three matrices; how often each dimension occurs among
    the joint row spaces, and column spaces, of Fᵢ with the same factor of the other products; and, if the encoder is
    exact, the traces of (F₀F₁F₂)ᵏ. The list is sorted and taken in the smallest of the orders that rotations and
    transpositions give.

    References
    ----------
    .. [1] Berger, Absi, De Lathauwer, Jungers, Van Barel, Equivalent polyadic decompositions of matrix multiplication
       tensors, 2022 (ranks and traces as invariants).

    Examples
    --------
    >>> from stl_algebra import Format, classical, rotate, strassen
    >>> invariants(rotate(strassen())) == invariants(strassen())
    True
    """
    if encoder.ring is Ring.GF2:
        raise InvalidInput("invariants are defined over the reals; this encoder is over GF(2)")
    sizes = encoder.format
    factors = [f.reshape(-1, sizes[i], sizes[(i + 1) % 3]) for i, f in enumerate(trace_form(encoder))]
    ranks = np.array([_ranks(f) for f in factors]).T
    joint = [(_histograms(_paired(f, 1)), _histograms(_paired(f, 2))) for f in factors]
    traces = _traces(encoder)
    readings = []
    for outer in outer_symmetries(sizes):
        order = [outer.source(slot) for slot in range(3)]
        spaces = [joint[i][:: -1 if outer.transposed else 1] for i in order]
        readings.append(
            tuple(
                sorted(
                    (tuple(ranks[s, order].tolist()), traces[s], tuple((a[s], b[s]) for a, b in spaces))
                    for s in range(encoder.rank)
                )
            )
        )
    return (tuple(sizes), encoder.rank, min(readings))


def equivalent(first: TileEncoder, second: TileEncoder) -> bool | None:
    """Tell whether a symmetry of the tensor carries one encoder to the other, as far as cheap tests can.

    Parameters
    ----------
    first : TileEncoder
        An encoder over the reals.
    second : TileEncoder
        Another encoder over the reals.

    Returns
    -------
    bool or None
        False if `invariants` or `orbit_spectrum` differ. True if a signed permutation with rotation and transposition
        is found, for dimensions up to MAX_SIZE. None if neither test settles it.

    Raises
    ------
    InvalidInput
        If an encoder is over GF(2).

    Examples
    --------
    >>> from stl_algebra import rotate, strassen
    >>> equivalent(strassen(), rotate(strassen()))
    True
    """
    if first.format != second.format or first.rank != second.rank or first.exact != second.exact:
        return False
    if invariants(first) != invariants(second) or _spectra_differ(first, second):
        return False
    if max(first.format) <= MAX_SIZE and transporters(first, second):
        return True
    return None


def _spectra_differ(first: TileEncoder, second: TileEncoder) -> bool:
    try:
        here, there = orbit_spectrum(first), orbit_spectrum(second)
    except InvalidInput:  # no point of least growth to compare at
        return False
    return not np.allclose(here, there, rtol=0, atol=1e-4 * np.abs(here).max())


def _ranks(matrices: NDArray[np.float64]) -> NDArray[np.intp]:
    peaks = np.abs(matrices).max(axis=(-2, -1), keepdims=True)
    ranks: NDArray[np.intp] = np.linalg.matrix_rank(matrices / np.where(peaks > 0, peaks, 1), tol=1e-6)
    return ranks


def _paired(matrices: NDArray[np.float64], axis: int) -> NDArray[np.intp]:
    """Ranks of [F_s ; F_t] (axis 1) or [F_s F_t] (axis 2) for all pairs: shape (r, r)."""
    peaks = np.abs(matrices).max(axis=(1, 2), keepdims=True)
    scaled = matrices / np.where(peaks > 0, peaks, 1)
    rows = []
    for one in scaled:
        repeated = np.broadcast_to(one, scaled.shape)
        rows.append(_ranks(np.concatenate([repeated, scaled], axis=axis)))
    return np.array(rows)


def _histograms(values: NDArray[np.intp]) -> list[tuple[tuple[int, int], ...]]:
    return [tuple(sorted(Counter(row).items())) for row in values.tolist()]


def _traces(encoder: TileEncoder) -> list[tuple[object, ...]]:
    if not encoder.exact:
        return [()] * encoder.rank
    n, m, p = encoder.format
    x, w, d = (np.array(matrix, dtype=object) for matrix in encoder.exact_coefficients())
    found = []
    for s in range(encoder.rank):
        whole = x[s].reshape(n, m) @ w[s].reshape(m, p) @ d[:, s].reshape(n, p).T
        power, traces = whole, [np.trace(whole)]
        for _ in range(min(encoder.format) - 1):
            power = power @ whole
            traces.append(np.trace(power))
        found.append(tuple(traces))
    return found
