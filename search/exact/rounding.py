"""From a numerical solution of the Brent equations to an exact one: in bases of its own, or by progressive snapping."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.exact.rational_bases import in_bases_of_lines
from search.numerics.cp_model import CPModel
from search.numerics.damped_solve import damped_solve
from search.numerics.invariant_model import InvariantModel
from search.numerics.levenberg_marquardt import Model, Point, last, levenberg_marquardt
from search.numerics.objective import Factors, Objective
from search.stop import Stop
from stl_algebra import Format, InvalidInput, TileEncoder
from stl_algebra.compiled import njit
from stl_algebra.error import growth
from stl_algebra.symmetry import Parametrisation

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

#: Values entries are snapped to, in this order; all in Z[1/2].
GRIDS = ((0.0,), (0.0, 1.0, -1.0), (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0))
#: Entries farther than this from the grid are not tried: nearly all of those tries would fail.
REACH = 0.5
#: Snaps that may fail, as a part of the entries, before another order is the better use of time; and at least so many.
PATIENCE, FEWEST = 0.4, 100
#: Steps to restore R = 0 after a snap.
ITERATIONS = 25
#: Choices of bases of its own that a solution is looked at in. All or none are rational, but not all alike.
FRAMES = 24
#: The largest denominator, and how near to such a fraction an entry has to be.
DENOMINATOR, NEAR = 64, 1e-8
#: The most entries that are snapped one after another: the 1 216 of rank 32 of ⟨2,4,5⟩ take a minute, the 2 304 of rank
#: 48 of ⟨4,4,4⟩ an hour.
LARGEST_SNAPPED = 1000
#: The most parameters of invariant encoders that are: with 300 it takes ten seconds to find that it leads nowhere.
MOST_PARAMETERS = 250
#: ‖R‖² at which a solve counts as a solution; snapping never continues from more.
SOLVED = 1e-20


class Unknowns(Protocol):
    """A family of encoders by a vector of unknowns that can be rational, with F = ‖R‖² on it."""

    def factors(self, entries: Array) -> Factors:
        """The factors (u, v, w), one row a product."""

    def value(self, entries: Array) -> float:
        """F."""

    def equations(self, entries: Array, free: Indices) -> tuple[float, Array, Array]:
        """F, its gradient and the lower triangle of its normal equations over some of the unknowns."""


def round_to_exact(format: Format, factors: Factors, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
    """The exact encoder near a numerical solution, or None where there is no way to one.

    The solutions of the Brent equations come in families. Where that is the changes of basis alone, a solution is
    rational in bases of its own, if in any (see `rational_bases`). Otherwise entries can be moved to grid values one
    batch after another while Levenberg–Marquardt on the remaining ones restores R = 0; a batch that cannot be restored
    is halved. What is left free at the end must be rational. The result is verified in exact arithmetic by TileEncoder.

    Source: Smirnov, The bilinear complexity and practical algorithms for matrix multiplication, 2013
    (clamping entries one after another); Tichavský, Phan, Cichocki, Numerical CP decomposition of some
    difficult tensors, 2017 (Levenberg–Marquardt for it).
    """
    exact = Objective(format, 0.0)
    solution = _solution(CPModel(exact), factors, stop)
    if solution is None:
        return None
    u, v, w = solution
    exactly = _in_own_bases(format, (u, v, w), rng, stop)
    if exactly is not None or sum(f.size for f in solution) > LARGEST_SNAPPED:
        return exactly
    # In bases of its own most entries of a solution are on the grid already, also where its family is larger.
    u, v, w = _unit_peaks(in_bases_of_lines(format, (u, v, w), rng) or (u, v, w))
    shapes = [f.shape for f in (u, v, w)]
    return _snapped(format, _Entries(exact, shapes), np.concatenate([f.ravel() for f in (u, v, w)]), rng, stop)


def round_invariant(space: Parametrisation, theta: Array, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
    """The exact encoder near a numerical solution, both invariant under the group of the space; or None.

    As `round_to_exact`, with the parameters of the orbits as entries where they are few: those of signed permutations
    are whole, and what comes back is invariant too. In bases of its own a solution is invariant under another group.
    """
    model = InvariantModel(Objective(space.format, 0.0), space)
    solution = _solution(model, (theta,), stop)
    if solution is None:
        return None
    exactly = None
    if space.parameters <= MOST_PARAMETERS:
        exactly = _snapped(space.format, _Parameters(model), model.with_unit_peaks(solution)[0], rng, stop)
    return exactly or _in_own_bases(space.format, space.factors(solution[0]), rng, stop)


def _solution(model: Model, start: Point, stop: Stop) -> Point | None:
    iterate = last(levenberg_marquardt(model, start, iterations=60, stop=stop, damping=1e-3, floor=SOLVED * 1e-4))
    return iterate.point if iterate.value <= SOLVED else None


def _in_own_bases(format: Format, factors: Factors, rng: np.random.Generator, stop: Stop) -> TileEncoder | None:
    """The exact encoder of least growth that a solution is in bases of its own, of some choices; None if in none."""
    found: list[Factors] = []
    for _ in range(FRAMES):
        if stop():
            break
        stop.worked()
        moved = in_bases_of_lines(format, factors, rng)
        if moved is None:
            break
        scaled = _unit_peaks(moved)
        if _are_fractions(scaled):
            found.append(scaled)
    exact = (_as_exact(format, scaled) for scaled in sorted(found, key=lambda one: growth(*one)))
    return next((encoder for encoder in exact if encoder is not None), None)


def _snapped(
    format: Format, unknowns: Unknowns, entries: Array, rng: np.random.Generator, stop: Stop
) -> TileEncoder | None:
    state = _Snapping(unknowns, entries)
    return _as_exact(format, unknowns.factors(state.entries)) if state.run(rng, stop) else None


def _unit_peaks(point: Point) -> Factors:
    """Scale products so that the largest entry of each u and v row is 1."""
    u, v, w = point
    peak_u = u[np.arange(len(u)), np.abs(u).argmax(1)][:, None]
    peak_v = v[np.arange(len(v)), np.abs(v).argmax(1)][:, None]
    return u / peak_u, v / peak_v, w * peak_u * peak_v


def _are_fractions(factors: Factors) -> bool:
    """Whether all entries are near fractions; much faster than finding these."""
    values = np.unique(np.round(np.concatenate([factor.ravel() for factor in factors]), 9))
    multiples = values[:, None] * np.arange(1, DENOMINATOR + 1)
    return bool((np.abs(multiples - np.round(multiples)) < NEAR * np.arange(1, DENOMINATOR + 1)).any(1).all())


def _as_exact(format: Format, factors: Factors) -> TileEncoder | None:
    u, v, w = (_fractions(factor) for factor in factors)
    try:
        return TileEncoder.from_exact(format, u, v, w.T)
    except InvalidInput:
        return None


def _fractions(values: Array) -> NDArray[np.object_]:
    """The nearest fractions with denominators up to DENOMINATOR."""
    fractions = [Fraction(float(x)).limit_denominator(DENOMINATOR) for x in values.ravel()]
    return np.array(fractions, dtype=object).reshape(values.shape)


@dataclass
class _Snapping:
    """Entries as one vector, those already snapped marked; the invariant is ‖R‖² ≤ SOLVED."""

    unknowns: Unknowns
    entries: Array
    snapped: NDArray[np.bool_] = field(init=False)
    failures: int = 0

    def __post_init__(self) -> None:
        self.snapped = np.zeros(len(self.entries), dtype=bool)

    def run(self, rng: np.random.Generator, stop: Stop) -> bool:
        """Zeros first: they spend the GL gauge on sparsity. Ones then fix the scalings that are left."""
        return all(self._snap_to(np.array(grid), rng, stop) for grid in GRIDS) and self._rational()

    def _snap_to(self, grid: Array, rng: np.random.Generator, stop: Stop) -> bool:
        """Snap what can be snapped to the grid; False where time or patience ended it."""
        refused = np.zeros(len(self.entries), dtype=bool)
        batch = max(1, len(self.entries) // 16)
        while not stop() and self.failures < max(PATIENCE * len(self.entries), FEWEST):
            stop.worked()
            nearest = grid[np.abs(self.entries[:, None] - grid).argmin(1)]
            distance = np.abs(self.entries - nearest)
            there = ~self.snapped & (distance < 1e-9)
            if there.any() and self._try(np.flatnonzero(there), nearest, stop):
                continue
            free = np.flatnonzero(~self.snapped & ~refused & (distance < REACH))
            if not len(free):
                return True
            # Ties are broken at random, so that another run takes another path.
            order = np.argsort(distance[free] * np.exp(0.1 * rng.standard_normal(len(free))))
            chosen = free[order[:batch]]
            if self._try(chosen, nearest, stop):
                batch = min(2 * batch, max(1, len(self.entries) // 8))
                continue
            self.failures += 1
            if len(chosen) > 1:
                batch = max(1, len(chosen) // 2)
            else:
                refused[chosen] = True
        return False

    def _rational(self) -> bool:
        """Whether what is left free is rational: then it is isolated, and needs no grid."""
        values = self.entries[~self.snapped]
        return bool(np.all(np.abs(values - _fractions(values).astype(float)) < NEAR))

    def _try(self, chosen: NDArray[np.intp], nearest: Array, stop: Stop) -> bool:
        """Snap the chosen entries and restore R = 0 with the others; undo where that fails."""
        before_entries, before_snapped = self.entries.copy(), self.snapped.copy()
        self.entries[chosen] = nearest[chosen]
        self.snapped[chosen] = True
        start = (self.entries[~self.snapped],)
        if not len(start[0]):
            if self.unknowns.value(self.entries) <= SOLVED:
                return True
            self.entries, self.snapped = before_entries, before_snapped
            return False
        model = _FreeEntries(self)
        iterate = last(
            levenberg_marquardt(
                model,
                start,
                iterations=ITERATIONS,
                stop=stop,
                damping=1e-3,
                patience=6,
                tolerance=0.3,
                floor=SOLVED * 1e-4,
            )
        )
        if iterate.value <= SOLVED and np.abs(iterate.point[0]).max(initial=0.0) < 50:
            self.entries[~self.snapped] = iterate.point[0]
            return True
        self.entries, self.snapped = before_entries, before_snapped
        return False


@dataclass(frozen=True)
class _FreeEntries:
    """‖R‖² over the entries that are not snapped."""

    state: _Snapping

    def _entries(self, point: Point) -> Array:
        self.state.entries[~self.state.snapped] = point[0]
        return self.state.entries

    def value(self, point: Point) -> float:
        return self.state.unknowns.value(self._entries(point))

    def linearise(self, point: Point) -> _FreeEquations:
        free = np.flatnonzero(~self.state.snapped)
        value, gradient, hessian = self.state.unknowns.equations(self._entries(point), free)
        return _FreeEquations(value, (gradient,), hessian)

    def normalise(self, point: Point) -> Point:
        return point


@dataclass(frozen=True)
class _FreeEquations:
    value: float
    gradient: Point
    hessian: Array

    def step(self, damping: float) -> Point | None:
        delta = damped_solve(self.hessian, self.gradient[0], damping)
        return None if delta is None else (delta,)


@dataclass(frozen=True)
class _Entries:
    """All entries of u, v and w, of these shapes."""

    objective: Objective
    shapes: list[tuple[int, int]]

    def factors(self, entries: Array) -> Factors:
        u, v, w = np.split(entries, np.cumsum([a * b for a, b in self.shapes])[:-1])
        return u.reshape(self.shapes[0]), v.reshape(self.shapes[1]), w.reshape(self.shapes[2])

    def value(self, entries: Array) -> float:
        return self.objective.value(self.factors(entries))

    def equations(self, entries: Array, free: Indices) -> tuple[float, Array, Array]:
        factors = self.factors(entries)
        value, gradient = self.objective.value_and_gradient(factors)
        return value, np.concatenate([g.ravel() for g in gradient])[free], _normal(*factors, free)


@dataclass(frozen=True)
class _Parameters:
    """The parameters of an invariant encoder."""

    model: InvariantModel

    def factors(self, entries: Array) -> Factors:
        return self.model.factors((entries,))

    def value(self, entries: Array) -> float:
        return self.model.value((entries,))

    def equations(self, entries: Array, free: Indices) -> tuple[float, Array, Array]:
        equations = self.model.linearise((entries,))
        return equations.value, equations.gradient[0][free], equations.hessian[np.ix_(free, free)]


@njit(cache=True)
def _normal(u: Array, v: Array, w: Array, free: NDArray[np.intp]) -> Array:
    """The lower triangle of JᵀJ over the free entries, counted u first, then v, then w, row-major."""
    rank = len(u)
    grams = (u @ u.T, v @ v.T, w @ w.T)
    sizes = np.array([u.shape[1], v.shape[1], w.shape[1]])
    ends = np.cumsum(sizes * rank)
    count = len(free)
    kind = np.empty(count, np.int64)
    row = np.empty(count, np.int64)
    column = np.empty(count, np.int64)
    for i in range(count):
        k = 0
        while free[i] >= ends[k]:
            k += 1
        inside = free[i] - (ends[k] - sizes[k] * rank)
        kind[i], row[i], column[i] = k, inside // sizes[k], inside % sizes[k]
    out = np.zeros((count, count))
    for i in range(count):
        s, a, p = row[i], column[i], kind[i]
        for j in range(i + 1):
            t, b, q = row[j], column[j], kind[j]
            if p == q:
                if a == b:
                    if p == 0:
                        out[i, j] = grams[1][s, t] * grams[2][s, t]
                    elif p == 1:
                        out[i, j] = grams[0][s, t] * grams[2][s, t]
                    else:
                        out[i, j] = grams[0][s, t] * grams[1][s, t]
            else:  # <x_t-side entry> · <y_s-side entry> · Gram of the third factor
                left = u[t, a] if p == 0 else (v[t, a] if p == 1 else w[t, a])
                right = u[s, b] if q == 0 else (v[s, b] if q == 1 else w[s, b])
                out[i, j] = left * right * grams[3 - p - q][s, t]
    return out
