"""Decompositions invariant under a finite group as a Levenberg–Marquardt model of their orbit representatives."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.numerics.damped_solve import damped_solve
from search.numerics.levenberg_marquardt import Point
from search.numerics.objective import Factors, Objective
from stl_algebra.compiled import njit
from stl_algebra.symmetry import Parametrisation

Array = NDArray[np.float64]
Index = NDArray[np.int64]


class InvariantModel:
    """F over the encoders of a Parametrisation; the point is (θ,), its parameters.

    The bases of the group must be orthogonal, so that F is invariant. All products of an orbit then pull back
    alike: the reduced gradient and normal equations need the rows of the representatives only.

    >>> from stl_algebra import Format, strassen
    >>> from stl_algebra.symmetry import fit_orbits, named_subgroups
    >>> space, theta = fit_orbits(strassen(), named_subgroups(Format(2, 2, 2))["Z3"])
    >>> InvariantModel(Objective(Format(2, 2, 2), 0.0), space).value((theta,)) < 1e-20
    True
    """

    def __init__(self, objective: Objective, space: Parametrisation) -> None:
        self.objective, self.space = objective, space

    @property
    def rank(self) -> int:
        return self.space.rank

    def factors(self, point: Point) -> Factors:
        """The full factors (u, v, w), one row a product."""
        return self.space.factors(point[0])

    def value(self, point: Point) -> float:
        return self.objective.value(self.factors(point))

    def linearise(self, point: Point) -> InvariantEquations:
        factors = self.factors(point)
        value, gradient = self.objective.value_and_gradient(factors)
        return InvariantEquations(self.space, factors, value, gradient, self.objective.penalty)

    def normalise(self, point: Point) -> Point:
        """The three factors of each product at equal norms, as far as their parameters are independent."""
        theta = point[0].copy()
        norms = [np.linalg.norm(f[self.space.first], axis=1) for f in self.factors(point)]
        common = np.cbrt(norms[0] * norms[1] * norms[2])
        for orbit, groups in enumerate(self._independent):
            if common[orbit] > 0:
                for slot, parameters in groups:
                    theta[parameters] *= common[orbit] / norms[slot][orbit]
        return (theta,)

    def with_unit_peaks(self, point: Point) -> Point:
        """The largest parameter of the first two factors of each orbit at 1, where the three are independent."""
        theta = point[0].copy()
        for groups in self._independent:
            if len(groups) == 3:
                (_, first), (_, second), (_, third) = groups
                for parameters in (first, second):
                    peak = theta[parameters][np.abs(theta[parameters]).argmax()]
                    if peak:
                        theta[parameters] /= peak
                        theta[third] *= peak
        return (theta,)

    @cached_property
    def _independent(self) -> list[list[tuple[int, Index]]]:
        """For each orbit its parameters in sets that share no factor of the representative, each with one slot."""
        return [
            _independent_sets([self.space.parameters_of(orbit, slot) for slot in range(3)])
            for orbit in range(len(self.space.first))
        ]


def _independent_sets(touched: list[Index]) -> list[tuple[int, Index]]:
    sets: list[tuple[int, Index]] = []
    for slot, parameters in enumerate(touched):
        merged = parameters
        first = slot
        for known in [s for s in sets if np.intersect1d(s[1], parameters).size]:
            merged, first = np.union1d(merged, known[1]), min(first, known[0])
            sets = [s for s in sets if s is not known]
        sets.append((first, merged))
    return sets


class InvariantEquations:
    """The normal equations over θ: AᵀHA from the rows of the representatives, times the lengths of the orbits."""

    def __init__(
        self, space: Parametrisation, factors: Factors, value: float, gradient: Factors, penalty: float
    ) -> None:
        self.value = value
        self.gradient = (space.pull_back(gradient),)
        grams = [f @ f.T for f in factors]
        kernel = np.ones_like(grams[0])
        kernel[np.diag_indices(len(kernel))] += penalty
        pairs = np.stack([kernel * grams[(i + 1) % 3] * grams[(i + 2) % 3] for i in range(3)])
        map = space.stacked
        sizes = np.array(space.format.sizes)
        assembled = _assemble(
            np.concatenate([f.ravel() for f in factors]),
            sizes,
            len(kernel) * np.array([0, sizes[0], sizes[0] + sizes[1]]),
            np.stack([kernel * gram for gram in grams]),
            pairs,
            map.indptr,
            map.indices,
            map.data,
            np.append(space.first, space.rank),
            space.offsets,
            np.zeros((3, 3, int(np.diff(space.offsets).max()))),
        )
        #: Of shape (P, P); blocks above the diagonal, orbits by orbits, are zero.
        self.hessian: Array = assembled

    def step(self, damping: float) -> Point | None:
        delta = damped_solve(self.hessian, self.gradient[0], damping)
        return None if delta is None else (delta,)


@njit(cache=True, fastmath=True)
def _assemble(  # noqa: PLR0912
    stacked: Array,
    sizes: Index,
    bases: Index,
    single: Array,
    pairs: Array,
    starts: Index,
    columns: Index,
    values: Array,
    first: Index,
    offsets: Index,
    scratch: Array,
) -> Array:
    """AᵀHA of shape (P, P); its lower triangle by orbits is filled.

    `stacked` holds u, v and w one after another, from `bases` on; `first` ends with the rank. H has the blocks
    pairs[i, s, t] I between the same factor i of products s and t, and single[k, s, t] f_t f_sᵀ between factors
    i and j, with k the third: pulled back, the outer product of `left` = A_sᵀ f_t and `right` = A_tᵀ f_s.
    Written out in plain loops, which compile in a fraction of the time.
    """
    hessian = np.zeros((offsets[-1], offsets[-1]))
    left, right, both = scratch[0], scratch[1], scratch[2, 0]
    for orbit in range(len(first) - 1):
        s, row = first[orbit], offsets[orbit]
        height = offsets[orbit + 1] - row
        length = first[orbit + 1] - s
        for other in range(orbit + 1):
            column = offsets[other]
            width = offsets[other + 1] - column
            for t in range(first[other], first[other + 1]):
                for i in range(3):
                    for x in range(height):
                        left[i, x] = 0.0
                    for y in range(width):
                        right[i, y] = 0.0
                for i in range(3):
                    s_i, t_i = bases[i] + s * sizes[i], bases[i] + t * sizes[i]
                    same = length * pairs[i, s, t]
                    for a in range(sizes[i]):
                        for x in range(starts[s_i + a], starts[s_i + a + 1]):
                            left[i, columns[x] - row] += values[x] * stacked[t_i + a]
                            for y in range(starts[t_i + a], starts[t_i + a + 1]):
                                hessian[columns[x], columns[y]] += same * values[x] * values[y]
                        for y in range(starts[t_i + a], starts[t_i + a + 1]):
                            right[i, columns[y] - column] += values[y] * stacked[s_i + a]
                for i in range(3):
                    j, k = (i + 1) % 3, (i + 2) % 3
                    for y in range(width):
                        both[y] = length * (single[k, s, t] * right[j, y] + single[j, s, t] * right[k, y])
                    for x in range(height):
                        factor = left[i, x]
                        if factor != 0.0:
                            for y in range(width):
                                hessian[row + x, column + y] += factor * both[y]
    return hessian
