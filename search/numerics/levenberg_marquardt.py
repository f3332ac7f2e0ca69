"""Levenberg–Marquardt with Nielsen's damping, for any model that can linearise itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search.stop import NEVER, Stop

#: What a model is minimised over: one or several arrays.
Point = tuple[NDArray[np.float64], ...]


class Linearisation(Protocol):
    """A least-squares model at a point: F there, half its gradient, and damped Gauss–Newton steps."""

    @property
    def value(self) -> float: ...

    @property
    def gradient(self) -> Point: ...

    def step(self, damping: float) -> Point | None:
        """The solution δ of (JᵀJ + λI) δ = −gradient, or None where the system is numerically singular."""


class Model(Protocol):
    """A sum of squares F over points."""

    def value(self, point: Point) -> float: ...

    def linearise(self, point: Point) -> Linearisation: ...

    def normalise(self, point: Point) -> Point:
        """An equivalent point with the same F in a better scaling."""


@dataclass(frozen=True)
class Iterate:
    """A point that Levenberg–Marquardt accepted."""

    point: Point
    value: float
    iteration: int


def levenberg_marquardt(
    model: Model,
    start: Point,
    *,
    iterations: int,
    stop: Stop = NEVER,
    damping: float = 1.0,
    tolerance: float = 1e-5,
    patience: int = 10,
    floor: float = 0.0,
) -> Iterator[Iterate]:
    """Yield every accepted iterate, the start first; F falls strictly.

    Ends after `iterations` linear solves, when `stop()` says so, when F fell by less than the relative
    `tolerance` over `patience` accepted steps, when F ≤ `floor`, or when no damping gives descent.

    >>> from search.numerics.cp_model import CPModel
    >>> from search.numerics.objective import Objective
    >>> from stl_algebra import Format, strassen
    >>> model = CPModel(Objective(Format(2, 2, 2), 0.0))
    >>> next(levenberg_marquardt(model, strassen().factors, iterations=1)).value < 1e-20
    True

    Source: Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05.
    """
    point = model.normalise(start)
    linear = model.linearise(point)
    yield Iterate(point, linear.value, 0)
    growth_factor = 2.0
    history = [linear.value]
    for iteration in range(1, iterations + 1):
        if stop() or linear.value <= floor:
            return
        stop.worked()
        delta = linear.step(damping)
        accepted = False
        if delta is not None:
            candidate = tuple(x + d for x, d in zip(point, delta, strict=True))
            value = model.value(candidate)
            predicted = sum(float(np.vdot(d, damping * d - g)) for d, g in zip(delta, linear.gradient, strict=True))
            accepted = value < linear.value and predicted > 0
        if not accepted:
            damping *= growth_factor
            growth_factor *= 2
            if damping > 1e12:
                return
            continue
        gain = (linear.value - value) / predicted
        damping = max(damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 1e-14)
        growth_factor = 2.0
        point = model.normalise(candidate)
        linear = model.linearise(point)
        yield Iterate(point, linear.value, iteration)
        history.append(linear.value)
        if len(history) > patience and history[-1 - patience] - history[-1] < tolerance * history[-1]:
            return


def last(iterates: Iterator[Iterate]) -> Iterate:
    """The final iterate, which is the best one."""
    final = next(iterates)
    for final in iterates:  # noqa: B007
        pass
    return final
