"""The least growth along the change-of-basis orbit of an encoder."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.symmetry.element import Symmetry, TraceForm, trace_form

Bases = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def orbit_gradient(encoder: TileEncoder) -> float:
    """The norm of the gradient of log growth on GL(n)×GL(m)×GL(p), at the encoder itself.

    Along any one-parameter subgroup of symmetric matrices the squared norm of a factor is a sum of
    exponentials, so growth, a sum of products of those, is convex there; and up to isometries every change of
    basis is one. Where this gradient vanishes, growth is least on the whole orbit, not only nearby.

    >>> from stl_algebra import Format, classical
    >>> orbit_gradient(classical(Format(2, 3, 4))) < 1e-12
    True

    Source: Kempf, Ness, The length of vectors in representation spaces, 1979.
    """
    _, moments = _growth_and_moments(trace_form(encoder), encoder.format)
    return float(np.sqrt(sum(np.sum(m**2) for m in moments)))


def least_growth_bases(encoder: TileEncoder) -> Bases:
    """Bases (P₀, P₁, P₂), upper triangular with determinant ±1, that make growth least on the orbit.

    Raises InvalidInput where growth has no minimum that is attained: it then falls while the bases run off
    to infinity, as it may for exact encoders, too.
    """
    from scipy.optimize import minimize

    start = np.concatenate([np.eye(size).ravel() for size in encoder.format])
    factors = trace_form(encoder)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        bases = _unpacked(flat, encoder.format)
        inverses = [np.linalg.inv(base) for base in bases]
        moved = _moved(factors, bases, inverses)
        value, moments = _growth_and_moments(moved, encoder.format)
        gradient = [moment @ inverse.T for moment, inverse in zip(moments, inverses, strict=True)]
        return float(np.log(value)), np.concatenate([g.ravel() for g in gradient])

    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 0, "gtol": 1e-9})
    bases = [np.linalg.qr(base)[1] for base in _unpacked(found.x, encoder.format)]
    bases = [base / np.abs(prod(np.diag(base))) ** (1 / len(base)) for base in bases]
    if max(np.linalg.cond(base) for base in bases) > 1e8:
        raise InvalidInput(f"growth has no minimum on the orbit of this encoder of {encoder.format}")
    return bases[0], bases[1], bases[2]


def least_growth(encoder: TileEncoder, denominator: int | None = None) -> TileEncoder:
    """The encoder of least growth among all changes of basis of `encoder`.

    The minimum is the global one of the orbit of GL(n)×GL(m)×GL(p) (see `orbit_gradient`); rotations and
    transpositions do not change growth. Its bases are irrational in general, so the result is approximate, in
    ring R. With a `denominator` the bases are rounded to multiples of 1/denominator: an exact encoder stays exact
    (over Z[1/2] for a power of two, as long as it was there) and its growth comes close to the least. Of the two,
    `encoder` and the rounded one, the one with less growth is returned. Raises InvalidInput as `least_growth_bases`
    does, and where the rounded bases make coefficients too large to be exact.

    >>> from stl_algebra.schemes import winograd
    >>> round(winograd().growth), round(least_growth(winograd()).growth, 6)
    (56, 22.222222)

    Source: Dumas, Pernet, Sedoglavic, Strassen's algorithm is not optimally accurate, ISSAC 2024 (for another norm).
    """
    bases = least_growth_bases(encoder)
    if denominator is None:
        inverses = [np.linalg.inv(base) for base in bases]
        u, v, z = _moved(trace_form(encoder), bases, inverses)
        n, _, p = encoder.format
        w = z.reshape(-1, p, n).transpose(0, 2, 1).reshape(len(z), -1)
        return TileEncoder(encoder.format, u, v, w.T)
    if denominator < 1:
        raise InvalidInput(f"denominator {denominator} is not positive")
    rational = [_rounded(base, denominator) for base in bases]
    moved = Symmetry.of(encoder.format, rational).apply(encoder)
    return min(encoder, moved, key=lambda candidate: candidate.growth)


def _rounded(base: NDArray[np.float64], denominator: int) -> NDArray[np.object_]:
    """A diagonal matrix times a unit upper triangular one, both of multiples of 1/denominator.

    For a denominator that is a power of two the diagonal is rounded to powers of two, so that the inverse is
    dyadic too.
    """
    diagonal = np.diag(base)
    unit = np.rint(base / diagonal[:, None] * denominator)
    if denominator & (denominator - 1) == 0:
        scales = [Fraction(2) ** int(e) for e in np.rint(np.log2(np.abs(diagonal)))]
    else:
        scales = [Fraction(max(int(v), 1), denominator) for v in np.rint(np.abs(diagonal) * denominator)]
    return np.array([[s * Fraction(int(v), denominator) for v in row] for s, row in zip(scales, unit, strict=True)])


def _unpacked(flat: NDArray[np.float64], format: Format) -> list[NDArray[np.float64]]:
    ends = np.cumsum([size * size for size in format])
    return [part.reshape(size, size) for part, size in zip(np.split(flat, ends[:-1]), format, strict=True)]


def _moved(factors: TraceForm, bases: Bases | list[NDArray[np.float64]], inverses: list) -> TraceForm:
    sizes = [len(base) for base in bases]
    moved = []
    for i, factor in enumerate(factors):
        after = (i + 1) % 3
        matrices = factor.reshape(-1, sizes[i], sizes[after])
        moved.append((bases[i] @ matrices @ inverses[after]).reshape(len(factor), -1))
    return moved[0], moved[1], moved[2]


def _growth_and_moments(factors: TraceForm, format: Format) -> tuple[float, list[NDArray[np.float64]]]:
    """Growth, and the gradient of log growth for Pᵢ → (1 + Sᵢ) Pᵢ."""
    squared = np.array([np.sum(f**2, axis=1) for f in factors])
    products = np.prod(squared, axis=0)
    value = float(products.sum())
    moments = [np.zeros((size, size)) for size in format]
    for i, factor in enumerate(factors):
        after = (i + 1) % 3
        matrices = factor.reshape(-1, format[i], format[after])
        weights = 2 * products / np.where(squared[i] > 0, squared[i], 1) / value
        moments[i] += np.einsum("s,sij,skj->ik", weights, matrices, matrices)
        moments[after] -= np.einsum("s,sij,sik->jk", weights, matrices, matrices)
    return value, moments
