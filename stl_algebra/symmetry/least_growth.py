"""The least growth along the change-of-basis orbit of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from stl_algebra.encoder import TileEncoder
from stl_algebra.errors import InvalidInput
from stl_algebra.format import Format
from stl_algebra.symmetry.element import Symmetry, TraceForm, trace_form

#: Newton steps at most; an orbit with a minimum takes some ten.
STEPS = 500
#: A Newton step of this length starts at the minimum to the last bit; so does every step from a slope of rounding.
CONVERGED, ROUNDING = 1e-7, 1e-13
#: Below this slope of log growth the lengths of Newton steps decide. Without a minimum they are 1/k, where log growth
#: falls like exp(−kt) along a direction of length one. Each of the three bases changes two of the squared norms in a
#: product, and each of them by exp(2t) at most, so that k is at most 4√3.
VANISHED, SHORT = 1e-8, 0.05
#: Beyond it a minimum is out of reach of double precision. Growth that falls to zero gets there.
LARGEST_CONDITION = 1e8
#: Curvatures and slopes below it are rounding: the direction leaves growth as it is.
FLAT = 1e-10

Bases = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def orbit_gradient(encoder: TileEncoder) -> float:
    """Compute the norm of the gradient of log growth on GL(n)×GL(m)×GL(p), at the encoder itself.

    If it vanishes, growth is least on the whole orbit, not only nearby.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.

    Returns
    -------
    float
        The norm of the gradient.

    Notes
    -----
    Along any one-parameter subgroup of symmetric matrices the squared norm of a factor is a sum of exponentials, so
    growth, a sum of products of those, is convex there; and up to isometries every change of basis lies on such a
    subgroup.

    References
    ----------
    .. [1] Kempf, Ness, The length of vectors in representation spaces, 1979.

    Examples
    --------
    >>> from stl_algebra import Format, classical
    >>> orbit_gradient(classical(Format(2, 3, 4))) < 1e-12
    True
    """
    _, moments = _growth_and_moments(trace_form(encoder), encoder.format)
    return float(np.sqrt(sum(np.sum(m**2) for m in moments)))


def least_growth_bases(encoder: TileEncoder) -> Bases:
    """Find bases that make growth least on the orbit of an encoder.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder of ⟨n,m,p⟩.

    Returns
    -------
    tuple of three ndarray of float64
        The bases (P₀, P₁, P₂), upper triangular with determinant ±1, of sizes n, m and p.

    Raises
    ------
    InvalidInput
        If growth has no minimum. It then falls while the bases run off to infinity; this also happens for exact
        encoders.

    Notes
    -----
    Newton's method works on symmetric matrices, along the geodesics P → exp(S)P on which log growth is convex. It also
    decides whether growth has a minimum: near one, Newton steps shrink quadratically; without one, growth falls towards
    its infimum like exp(−kt), so the gradient vanishes while Newton steps keep the length 1/k.

    References
    ----------
    .. [1] Allen-Zhu, Garg, Li, Oliveira, Wigderson, Operator scaling via geodesically convex optimization, STOC 2018.
    """
    format, factors = encoder.format, trace_form(encoder)
    bases = [np.eye(size) for size in format]
    for _ in range(STEPS):
        step, slope = _newton_step(factors, format)
        length = float(np.sqrt(sum(np.sum(s**2) for s in step)))
        runs_off = slope < VANISHED and length > SHORT
        if not runs_off and (length < CONVERGED or slope < ROUNDING):
            break
        if runs_off or max(np.linalg.cond(base) for base in bases) > LARGEST_CONDITION:
            raise _no_minimum(format)
        factors, moves = _descended(factors, step, format)
        bases = [move @ base for move, base in zip(moves, bases, strict=True)]
    else:
        raise _no_minimum(format)
    bases = [np.linalg.qr(base)[1] for base in bases]
    bases = [base / np.abs(prod(np.diag(base))) ** (1 / len(base)) for base in bases]
    return bases[0], bases[1], bases[2]


def least_growth(encoder: TileEncoder, denominator: int | None = None) -> TileEncoder:
    """Find the encoder of least growth among all changes of basis of an encoder.

    The minimum is the global one of the orbit of GL(n)×GL(m)×GL(p); rotations and transpositions do not change growth.

    Parameters
    ----------
    encoder : TileEncoder
        The encoder.
    denominator : int, optional
        If it is given, the bases are rounded to multiples of 1/denominator. An exact encoder then stays exact (over
        Z[1/2] for a power of two, if it was exact there) and its growth comes close to the least. By default the bases
        are irrational in general.

    Returns
    -------
    TileEncoder
        The encoder of least growth, in ring R. With a denominator, whichever of `encoder` and the rounded encoder has
        less growth.

    Raises
    ------
    InvalidInput
        If growth has no minimum, the denominator is not positive, or the rounded bases make coefficients too large to
        be exact.

    References
    ----------
    .. [1] Dumas, Pernet, Sedoglavic, Strassen's algorithm is not optimally accurate, ISSAC 2024 (for another norm).

    Examples
    --------
    >>> from stl_algebra.schemes import winograd
    >>> round(winograd().growth), round(least_growth(winograd()).growth, 6)
    (56, 22.222222)
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
    unit = _nearest(base / diagonal[:, None] * denominator)
    if denominator & (denominator - 1) == 0:
        scales = [Fraction(2) ** int(e) for e in _nearest(np.log2(np.abs(diagonal)))]
    else:
        scales = [Fraction(max(int(v), 1), denominator) for v in _nearest(np.abs(diagonal) * denominator)]
    return np.array([[s * Fraction(int(v), denominator) for v in row] for s, row in zip(scales, unit, strict=True)])


def _nearest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest whole numbers. What lies half way but for the rounding of a machine goes the same way on all."""
    return np.rint(np.round(values, 6))


def _no_minimum(format: Format) -> InvalidInput:
    return InvalidInput(f"growth has no minimum on the orbit of this encoder of {format}")


def _newton_step(factors: TraceForm, format: Format) -> tuple[list[NDArray[np.float64]], float]:
    """Symmetric matrices (S₀, S₁, S₂) of the Newton step of log growth, and the norm of its gradient."""
    symmetric = [_symmetric_matrices(size) for size in format]
    ends = np.cumsum([len(basis) for basis in symmetric])
    blocks = [slice(end - len(basis), end) for end, basis in zip(ends, symmetric, strict=True)]
    squared = np.array([np.sum(f**2, axis=1) for f in factors])
    weights = np.prod(squared, axis=0)
    weights /= weights.sum() or 1.0
    slopes = np.zeros((len(weights), ends[-1]))  # of the log of each product's share of growth
    hessian = np.zeros((ends[-1], ends[-1]))
    for i, factor in enumerate(factors):
        after = (i + 1) % 3
        unit = factor / np.sqrt(np.where(squared[i] > 0, squared[i], 1))[:, None]
        gram = ((unit.T * weights) @ unit).reshape((format[i], format[after]) * 2)
        matrices = unit.reshape(-1, format[i], format[after])
        left = 2 * _inner(matrices @ matrices.swapaxes(1, 2), symmetric[i])
        right = -2 * _inner(matrices.swapaxes(1, 2) @ matrices, symmetric[after])
        slopes[:, blocks[i]] += left
        slopes[:, blocks[after]] += right
        rows, columns = np.einsum("ijkj->ik", gram), np.einsum("jijk->ik", gram)
        turned = np.tensordot(symmetric[i], gram, axes=([1, 2], [2, 0]))  # [a, k, l]
        across = -4 * _inner(turned, symmetric[after])
        between = across - (left.T * weights) @ right
        for block, basis, moment, slope in (
            (blocks[i], symmetric[i], rows, left),
            (blocks[after], symmetric[after], columns, right),
        ):
            hessian[block, block] += 4 * _inner(basis, basis @ moment)
            hessian[block, block] -= (slope.T * weights) @ slope
        hessian[blocks[i], blocks[after]] += between
        hessian[blocks[after], blocks[i]] += between.T
    gradient = slopes.T @ weights
    hessian += (slopes.T * weights) @ slopes - np.outer(gradient, gradient)
    curvatures, directions = np.linalg.eigh((hessian + hessian.T) / 2)
    along = directions.T @ gradient
    moves = (curvatures > FLAT) | (np.abs(along) > FLAT)
    step = -directions @ np.where(moves, along / np.maximum(curvatures, FLAT), 0)
    parts = [np.tensordot(step[block], basis, 1) for block, basis in zip(blocks, symmetric, strict=True)]
    return parts, float(np.linalg.norm(gradient))


def _descended(
    factors: TraceForm, step: list[NDArray[np.float64]], format: Format
) -> tuple[TraceForm, list[NDArray[np.float64]]]:
    """The factors after a step, at most as long as changes a vector's length by e, and the change of basis."""
    value = np.log(_growth_and_moments(factors, format)[0])
    spectra = [np.linalg.eigh(part) for part in step]
    share = 1 / max(1.0, *(np.abs(values).max() for values, _ in spectra))
    while True:
        moves, inverses = (
            [(vectors * np.exp(sign * share * values)) @ vectors.T for values, vectors in spectra] for sign in (1, -1)
        )
        moved = _moved(factors, moves, inverses)
        if np.log(_growth_and_moments(moved, format)[0]) <= value + 1e-13 * max(1, abs(value)) or share < 1e-9:
            return moved, moves
        share /= 2


def _inner(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner products of matrices, each of the first with each of the second."""
    return first.reshape(len(first), -1) @ second.reshape(len(second), -1).T


@cache
def _symmetric_matrices(size: int) -> NDArray[np.float64]:
    """An orthonormal basis of the symmetric matrices of that size."""
    units = np.eye(size * size).reshape(size, size, size, size)
    found = [
        units[i, j] if i == j else (units[i, j] + units[j, i]) / np.sqrt(2) for i in range(size) for j in range(i, size)
    ]
    return np.array(found)


def _moved(
    factors: TraceForm, bases: Bases | list[NDArray[np.float64]], inverses: Sequence[NDArray[np.floating]]
) -> TraceForm:
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
