"""Bases that the products of a solution single out themselves: there a solution that can be rational is rational."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.numerics.objective import Factors
from stl_algebra import Format

Array = NDArray[np.float64]

#: Matrices whose second singular value is below this part of the first are of rank one; what is smaller than this, of
#: vectors of length one, is zero.
NOTHING = 1e-7
#: Lines nearer to the span of those chosen before are no further basis vectors: the change of basis would be singular.
LEAST_ANGLE = 0.05


def in_bases_of_lines(format: Format, factors: Factors, rng: np.random.Generator) -> Factors | None:
    """The same solution in bases of lines of its own, chosen at random; None where there are too few lines.

    Where a solution is a point of a continuous family only because of the changes of basis, its entries say nothing,
    but its geometry does. A factor of rank one, a ⊗ a′, is a line in each of two spaces. As basis vectors of a space
    serve lines that span it, scaled so that others, as many as needed, get equal coordinates: a projective frame.
    Every coordinate that is left is then an invariant of the solution, rational where that is rational in any bases.
    A change of the three bases is applied to all products, so what comes back is as good a solution as it was.

    factors  (u, v, w) of shapes (r, n·m), (r, m·p), (r, n·p)

    >>> from stl_algebra import strassen
    >>> [len(f) for f in in_bases_of_lines(Format(2, 2, 2), strassen().factors, np.random.default_rng(0))]
    [7, 7, 7]

    Source: the fundamental theorem of projective geometry: n + 1 points in general position are a frame.
    """
    n, m, p = format
    u, v, w = factors
    stacks = (u.reshape(-1, n, m), v.reshape(-1, m, p), w.reshape(-1, n, p).transpose(0, 2, 1))
    left, right = zip(*(_lines(stack) for stack in stacks), strict=True)
    bases: list[Array] = []
    for i in range(3):
        # Space i is on the left of factor i, and its dual on the right of the factor before.
        basis = _basis(left[i], right[i - 1], rng)
        if basis is None:
            return None
        bases.append(basis)
    first, second, third = (np.linalg.solve(bases[i], stack) @ bases[(i + 1) % 3] for i, stack in enumerate(stacks))
    return first.reshape(u.shape), second.reshape(v.shape), third.transpose(0, 2, 1).reshape(w.shape)


def _basis(lines: Array, covectors: Array, rng: np.random.Generator) -> Array | None:
    """A frame of lines, or the dual basis of one of covectors."""
    frame = _frame(lines, rng)
    if frame is None and (dual := _frame(covectors, rng)) is not None:
        frame = np.asarray(np.linalg.inv(dual).T, dtype=np.float64)
    return frame


def _lines(stack: Array) -> tuple[Array, Array]:
    """The vectors, of length one, on the left and on the right of those matrices of a stack that have rank one."""
    left, singular, right = np.linalg.svd(stack)
    alone = singular[:, 1:].max(axis=1, initial=0.0) < NOTHING * singular[:, 0]
    return left[alone, :, 0], right[alone, 0]


def _frame(lines: Array, rng: np.random.Generator) -> Array | None:
    """A basis, its vectors the columns, of some of these lines, scaled by others; None where they do not determine it.

    lines  (number, d)
    """
    size = lines.shape[1]
    lines = lines[rng.permutation(len(lines))]
    chosen: list[Array] = []
    spanned = np.zeros((0, size))
    for line in lines:
        outside = line - spanned.T @ (spanned @ line)
        if (length := float(np.linalg.norm(outside))) > LEAST_ANGLE:
            chosen.append(line)
            spanned = np.vstack([spanned, outside / length])
    if len(chosen) < size:
        return None
    basis = np.array(chosen).T
    coordinates = np.linalg.solve(basis, lines.T)
    coordinates[np.abs(coordinates) < NOTHING] = 0.0
    scales = np.zeros(size)
    scales[0] = 1.0
    while not scales.all():
        # A line with coordinates of known and of unknown scale: these get the coordinate of one of those.
        x = next((x for x in coordinates.T if x[scales != 0].any() and x[scales == 0].any()), None)
        if x is None:
            return None
        known = np.flatnonzero((scales != 0) & (x != 0))[0]
        unknown = (scales == 0) & (x != 0)
        scales[unknown] = scales[known] * x[unknown] / x[known]
    return basis * scales
